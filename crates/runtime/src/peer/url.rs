//! Where a peer is: `http://HOST:PORT`, and nothing else.

use std::{fmt, net::SocketAddr, str::FromStr};

use http::Uri;

/// `http://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerUrl {
    authority: String,
}

/// It is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be http://HOST:PORT")]
pub struct BadPeerUrl;

impl FromStr for PeerUrl {
    type Err = BadPeerUrl;

    fn from_str(text: &str) -> Result<Self, BadPeerUrl> {
        let uri: Uri = text.parse().map_err(|_| BadPeerUrl)?;
        let plain =
            uri.scheme_str() == Some("http") && uri.query().is_none() && matches!(uri.path(), "" | "/");
        let authority = uri.authority().filter(|authority| plain && authority.port_u16().is_some());
        let authority = authority.filter(|authority| !authority.as_str().contains('@')).ok_or(BadPeerUrl)?;
        Ok(Self { authority: authority.to_string() })
    }
}

impl From<SocketAddr> for PeerUrl {
    fn from(address: SocketAddr) -> Self {
        Self { authority: address.to_string() }
    }
}

impl fmt::Display for PeerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_host_and_a_port() {
        for good in ["http://127.0.0.1:7441", "http://binding:7442/", "http://[::1]:7441"] {
            assert_eq!(good.parse::<PeerUrl>().unwrap().to_string(), good.trim_end_matches('/'));
        }
        for bad in [
            "",
            "binding:7442",
            "http://binding",
            "https://h:1",
            "http://h:1/x",
            "http://me@h:1",
            "http://h:x",
        ] {
            assert!(bad.parse::<PeerUrl>().is_err(), "{bad}");
        }
    }
}
