//! A TCP connection that is kept busy: is it alive, and when did it die?

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::tcp::tcp_connect;
use super::worker::{Stop, Worker};
use crate::lab::Namespace;
use crate::wait::wait_for;

/// An established connection to a [`super::Mode::Echo`] service, with eight bytes sent every five milliseconds.
pub struct TcpFlow {
    echoed: Arc<AtomicU64>,
    rounds: Arc<AtomicU64>,
    _worker: Worker,
}

impl TcpFlow {
    /// Connects, and goes on until dropped.
    pub fn start(ns: &Namespace, from: Ipv4Addr, to: SocketAddrV4, timeout: Duration) -> Result<TcpFlow> {
        let stream = tcp_connect(ns, from, to, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let echoed = Arc::new(AtomicU64::new(0));
        let rounds = Arc::new(AtomicU64::new(0));
        let (count, round) = (echoed.clone(), rounds.clone());
        let worker = Worker::start(move |stop| keep_busy(stream, &count, &round, &stop));
        let flow = TcpFlow { echoed, rounds, _worker: worker };
        flow.wait_progress(timeout)?;
        Ok(flow)
    }

    /// Bytes that came back so far, the greeting among them.
    pub fn echoed(&self) -> u64 {
        self.echoed.load(Ordering::Relaxed)
    }

    /// Waits until more bytes have come back.
    pub fn wait_progress(&self, timeout: Duration) -> Result<()> {
        let before = self.echoed();
        wait_for("the TCP flow to move", timeout, || match self.echoed() {
            // Two rounds: one answer may already have been under way.
            now if now >= before + 16 => Ok(()),
            now => Err(format!("{} bytes came back", now - before)),
        })
    }

    /// Watches for `how_long` and fails if a single byte comes back.
    pub fn expect_dead(&self, how_long: Duration) -> Result<()> {
        self.drain()?;
        let (before, end) = (self.echoed(), Instant::now() + how_long);
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
            let came = self.echoed() - before;
            if came > 0 {
                bail!("{came} bytes came back on a connection that should be dead");
            }
        }
        Ok(())
    }

    /// Waits until the bytes that had arrived before have been counted: they prove nothing about now.
    fn drain(&self) -> Result<()> {
        let before = self.rounds.load(Ordering::Relaxed);
        wait_for("the flow's thread", Duration::from_secs(5), || match self.rounds.load(Ordering::Relaxed) {
            now if now >= before + 2 => Ok(()),
            now => Err(format!("{} rounds", now - before)),
        })
    }
}

fn keep_busy(mut stream: TcpStream, echoed: &AtomicU64, rounds: &AtomicU64, stop: &Stop) {
    let mut buffer = [0; 4096];
    while !stop.asked() {
        let _ = stream.write(b"mooring\n");
        if let Ok(length) = stream.read(&mut buffer) {
            echoed.fetch_add(length as u64, Ordering::Relaxed);
        }
        rounds.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(5));
    }
}
