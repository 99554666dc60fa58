//! The monitoring of one NATS server, over plain HTTP.

use std::{fmt, time::Duration};

use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use super::{BadFlag, Server, Untrusted};

/// The flag it comes from.
pub(super) const FLAG: &str = "--nats-monitor";

/// An answer, all of it, comes in this time or not at all.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A `varz` has about 4 KiB, more with many routes.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The address of a server's monitoring.
#[derive(Clone)]
pub struct Monitor {
    /// `http://host:8222`
    base: String,
    varz: Uri,
}

impl Monitor {
    pub(super) fn parse(url: &str) -> Result<Self, BadFlag> {
        let bad = |why: &str| BadFlag { flag: FLAG.into(), why: why.into() };
        // What is wrong is said without the text: it can hold a password.
        let expected =
            || bad("expected http://HOST:8222, or nats://USER:PASSWORD@HOST:4222 of the system account");
        let uri: Uri = url.parse().map_err(|_| expected())?;
        if uri.scheme_str() == Some("https") {
            return Err(bad(
                "monitoring over https:// is not read; use tls:// with a user of the system account",
            ));
        }
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let (Some("http"), Some(authority), "" | "/", None) =
            (uri.scheme_str(), authority, uri.path(), uri.query())
        else {
            return Err(expected());
        };
        let port = authority.port_u16().unwrap_or(8222);
        let base = format!("http://{}:{port}", authority.host());
        let varz = format!("{base}/varz").parse().map_err(|_| expected())?;
        Ok(Self { base, varz })
    }

    pub(super) async fn ask(&self) -> Result<Server, Untrusted> {
        let answer = tokio::time::timeout(TIMEOUT, self.varz()).await;
        let text = answer.unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}")));
        let text =
            text.map_err(|why| Untrusted::Away(format!("{FLAG}: {self} can't be read: {why}").into()))?;
        let server = serde_json::from_slice(&text).ok().as_ref().and_then(Server::read);
        server.ok_or_else(|| {
            Untrusted::Refused(format!("{FLAG}: {self} is not the monitoring of a NATS server").into())
        })
    }

    async fn varz(&self) -> Result<Vec<u8>, String> {
        let client: Client<_, Empty<&[u8]>> = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.get(self.varz.clone()).await.map_err(|error| innermost(&error))?;
        // Another answer than 200 is read all the same: it is no JSON of a server, which says more.
        if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
            return Err("it answers 503".to_owned());
        }
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        body.map(|body| body.to_bytes().to_vec()).map_err(|error| error.to_string())
    }
}

/// The HTTP client wraps what happened twice.
fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}
