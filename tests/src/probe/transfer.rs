//! A TCP connection that carries as many bytes as the way lets through, in both directions, each of them compared.

use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use socket2::SockRef;

use super::tcp::{greeting, tcp_connect};
use crate::lab::Namespace;
use crate::wait::wait_for;

/// Bytes that may be under way in each direction.
const UNDER_WAY: usize = 64 * 1024;
/// Bytes written at once.
const CHUNK: usize = 4096;

/// A connection to a [`super::Mode::Echo`] service that is never idle until it is finished.
pub struct Transfer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Bytes that came back as they were sent.
    returned: AtomicU64,
    sent: AtomicU64,
    enough: AtomicBool,
    broken: Mutex<Option<String>>,
}

impl Transfer {
    /// Connects, and goes on until it is finished or dropped. A step that makes no progress for `timeout` breaks it.
    pub fn start(ns: &Namespace, from: Ipv4Addr, to: SocketAddrV4, timeout: Duration) -> Result<Transfer> {
        let stream = tcp_connect(ns, from, to, timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        // What is under way fits into the queues of a busy machine: nobody else's packets are lost for it.
        let socket = SockRef::from(&stream);
        socket.set_send_buffer_size(UNDER_WAY)?;
        socket.set_recv_buffer_size(UNDER_WAY)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        greeting(&mut reader)?;
        let shared = Arc::new(Shared::default());
        let (writing, reading) = (shared.clone(), shared.clone());
        let threads = vec![
            std::thread::spawn(move || writing.note("sending", write(stream, &writing))),
            std::thread::spawn(move || reading.note("receiving", read(reader, &reading))),
        ];
        Ok(Transfer { shared, threads })
    }

    /// Bytes that came back so far, each as it was sent.
    pub fn returned(&self) -> u64 {
        self.shared.returned.load(Ordering::Relaxed)
    }

    /// Waits until that many bytes more have come back.
    pub fn wait_returned(&self, more: u64, timeout: Duration) -> Result<()> {
        let before = self.returned();
        wait_for("bytes to come back", timeout, || match (self.returned() - before, self.broken()) {
            (came, _) if came >= more => Ok(()),
            (came, broken) => Err(format!("{came} bytes of {more}; {broken:?}")),
        })
    }

    /// Ends in order: what was sent has come back to the last byte. Answers with their number.
    pub fn finish(mut self) -> Result<u64> {
        self.shared.enough.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            ensure!(thread.join().is_ok(), "a thread of the transfer panicked");
        }
        if let Some(broken) = self.broken() {
            bail!("the connection broke after {} bytes: {broken}", self.returned());
        }
        let (sent, returned) = (self.shared.sent.load(Ordering::Relaxed), self.returned());
        ensure!(sent == returned, "{sent} bytes were sent, {returned} came back");
        Ok(returned)
    }

    fn broken(&self) -> Option<String> {
        self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.shared.enough.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn note(&self, doing: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.get_or_insert_with(|| format!("{doing}: {error:#}"));
        }
    }
}

/// The byte at a place: neighbours differ, and so do chunks.
fn byte_at(place: u64) -> u8 {
    (place.wrapping_mul(2_654_435_761) >> 16) as u8
}

fn write(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut place = 0;
    while !shared.enough.load(Ordering::Relaxed) {
        let chunk: Vec<u8> = (place..).take(CHUNK).map(byte_at).collect();
        stream.write_all(&chunk)?;
        place += CHUNK as u64;
        shared.sent.store(place, Ordering::Relaxed);
    }
    stream.shutdown(Shutdown::Write).context("saying that it was all")
}

fn read(mut reader: impl Read, shared: &Shared) -> Result<()> {
    let (mut place, mut buffer) = (0, vec![0; CHUNK]);
    loop {
        let length = reader.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let wrong = buffer[..length].iter().zip(place..).find(|(byte, place)| **byte != byte_at(*place));
        if let Some((byte, place)) = wrong {
            bail!("byte {place} came back as {byte} instead of {}", byte_at(place));
        }
        place += length as u64;
        shared.returned.store(place, Ordering::Relaxed);
    }
}
