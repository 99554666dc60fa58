//! Listening, with strangers kept out: another address than loopback must be asked for in so many words.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

/// Why the server can't listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address would let strangers in.
    #[error("--listen {0} is not a loopback address; without TLS that needs --insecure")]
    NotLoopback(SocketAddr),
    /// The system refused.
    #[error("--listen {address}{hint}", hint = hint(source))]
    Io {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => ": another process has the port; stop it or choose another with --listen",
        _ => "",
    }
}

/// Binds the address; port 0 takes a free one.
pub async fn bind(address: SocketAddr, insecure: bool) -> Result<TcpListener, ListenError> {
    if !address.ip().is_loopback() && !insecure {
        return Err(ListenError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| ListenError::Io { address, source })
}
