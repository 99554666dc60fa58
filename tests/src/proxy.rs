//! A TCP proxy between two processes, for bad networks: cut, silent in one direction or both, slow.
//!
//! What is silent is kept and delivered afterwards, as TCP does over a network that loses packets for a while; what is cut
//! is gone.

mod pipe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of bytes on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They arrive, so much later.
    Open(Duration),
    /// They are kept.
    Silent,
}

/// What the network between the two does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// No connection is left or made.
    pub cut: bool,
    /// From who connects.
    pub there: Way,
    /// To who connects.
    pub back: Way,
}

impl Weather {
    /// Everything arrives at once.
    pub const FAIR: Weather = Weather::slow(Duration::ZERO);
    /// No connection is left or made.
    pub const CUT: Weather = Weather { cut: true, ..Weather::FAIR };
    /// Nothing arrives, in neither direction.
    pub const SILENT: Weather = Weather { cut: false, there: Way::Silent, back: Way::Silent };
    /// Requests do not arrive.
    pub const SILENT_THERE: Weather = Weather { there: Way::Silent, ..Weather::FAIR };
    /// Answers do not arrive.
    pub const SILENT_BACK: Weather = Weather { back: Way::Silent, ..Weather::FAIR };

    /// Everything arrives so much later.
    pub const fn slow(by: Duration) -> Weather {
        Weather { cut: false, there: Way::Open(by), back: Way::Open(by) }
    }
}

/// A running proxy. Dropping it closes every connection.
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    upstream: watch::Sender<String>,
    accepted: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Proxy {
    /// Listens on a free port of loopback for whoever wants to reach `upstream`: `127.0.0.1:PORT`.
    pub fn start(upstream: &str) -> Result<Proxy> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("a runtime for the proxy")?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("the proxy's port")?;
        let address = listener.local_addr()?;
        let (weather, upstream) =
            (watch::Sender::new(Weather::FAIR), watch::Sender::new(upstream.to_owned()));
        let accepted = Arc::new(AtomicU64::new(0));
        let its = (weather.subscribe(), upstream.subscribe(), accepted.clone());
        runtime.spawn(serve(listener, its.0, its.1, its.2));
        Ok(Proxy { address, weather, upstream, accepted, _runtime: runtime })
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Changes the weather, for the connections that there are too.
    pub fn weather(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Leads to another address from now on; connections that there are stay.
    pub fn leads_to(&self, upstream: &str) {
        self.upstream.send_replace(upstream.to_owned());
    }

    /// Connections so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn serve(
    listener: TcpListener,
    weather: watch::Receiver<Weather>,
    upstream: watch::Receiver<String>,
    accepted: Arc<AtomicU64>,
) {
    while let Ok((near, _)) = listener.accept().await {
        if weather.borrow().cut {
            continue;
        }
        accepted.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(carry(near, upstream.borrow().clone(), weather.clone()));
    }
}

/// One connection, until one end closes it or it is cut.
async fn carry(near: TcpStream, upstream: String, weather: watch::Receiver<Weather>) {
    let mut cut = weather.clone();
    let both = async {
        let Ok(far) = TcpStream::connect(upstream).await else { return };
        let delays = near.set_nodelay(true).and(far.set_nodelay(true));
        drop(delays);
        let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
        tokio::join!(
            pipe::run(near_read, far_write, weather.clone(), |weather| weather.there),
            pipe::run(far_read, near_write, weather.clone(), |weather| weather.back),
        );
    };
    tokio::select! {
        () = both => {}
        _ = cut.wait_for(|weather| weather.cut) => {}
    }
}
