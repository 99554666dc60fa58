//! How many connections a server has at once. One more is closed as soon as it is accepted, so that whoever made it hears of
//! that at once, and no file is left for whoever else the process has to talk to.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{Stream, StreamExt, future};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// However many files the process may open.
const MOST: usize = 4096;

/// So many at once: half of the files that the process may open, and no more than [`MOST`]. It opens as many as the system
/// lets it.
pub(crate) fn limit() -> usize {
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, hard)| {
        let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        if raised.is_ok() { hard } else { soft }
    });
    usize::try_from(files / 2).unwrap_or(MOST).clamp(1, MOST)
}

/// Those of `incoming` for which there is room.
pub(crate) fn bounded(
    incoming: impl Stream<Item = io::Result<TcpStream>>,
    limit: usize,
) -> impl Stream<Item = io::Result<Connection>> {
    let room = Arc::new(Semaphore::new(limit));
    incoming.filter_map(move |accepted| {
        let connection = accepted.map(|stream| match room.clone().try_acquire_owned() {
            Ok(permit) => Some(Connection { stream, _permit: permit }),
            Err(_) => {
                tracing::warn!(limit, "a connection too many was closed");
                None
            }
        });
        future::ready(connection.transpose())
    })
}

/// A connection that there is room for.
pub(crate) struct Connection {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
