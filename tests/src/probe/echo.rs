//! A UDP service that answers with its own name and the address it saw, and the question to it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};

use super::worker::{PATIENCE, Stop, Worker};
use crate::lab::Namespace;

/// A UDP echo service. Ends when dropped.
pub struct UdpEcho {
    peers: Arc<Mutex<Vec<SocketAddr>>>,
    _worker: Worker,
}

impl UdpEcho {
    /// Serves `address` in `ns` under `name`, which must have no space in it.
    pub fn start(ns: &Namespace, address: SocketAddrV4, name: &str) -> Result<UdpEcho> {
        let socket = ns.run(|| UdpSocket::bind(address))?.with_context(|| format!("udp {address}"))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let peers = Arc::new(Mutex::new(Vec::new()));
        let (seen, name) = (peers.clone(), name.to_owned());
        let worker = Worker::start(move |stop| serve(&socket, &name, &seen, &stop));
        Ok(UdpEcho { peers, _worker: worker })
    }

    /// The source of every datagram so far.
    pub fn peers(&self) -> Vec<SocketAddr> {
        self.peers.lock().map(|peers| peers.clone()).unwrap_or_default()
    }
}

fn serve(socket: &UdpSocket, name: &str, peers: &Mutex<Vec<SocketAddr>>, stop: &Stop) {
    let mut buffer = vec![0; 65_536];
    while !stop.asked() {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        if let Ok(mut peers) = peers.lock() {
            peers.push(peer);
        }
        let mut answer = format!("{name} {peer} ").into_bytes();
        answer.extend_from_slice(&buffer[..length]);
        let _ = socket.send_to(&answer, peer);
    }
}

/// What a service of the laboratory answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The service's name: which instance it was.
    pub server: String,
    /// The source address that the service saw.
    pub peer: SocketAddrV4,
    /// What was sent, or nothing.
    pub payload: Vec<u8>,
}

impl Answer {
    /// `None` if these bytes are not such an answer.
    pub(super) fn parse(bytes: &[u8]) -> Option<Answer> {
        let mut parts = bytes.splitn(3, |byte| *byte == b' ');
        let server = String::from_utf8(parts.next()?.to_vec()).ok()?;
        let peer = std::str::from_utf8(parts.next()?).ok()?.trim_end().parse().ok()?;
        Some(Answer { server, peer, payload: parts.next().unwrap_or_default().to_vec() })
    }
}

/// Sends one datagram and waits for its answer. A port that nobody serves is `ConnectionRefused`.
pub fn udp_ask(
    ns: &Namespace,
    from: Ipv4Addr,
    to: SocketAddrV4,
    payload: &[u8],
    timeout: Duration,
) -> io::Result<Answer> {
    let asked = ns.run(|| {
        let socket = UdpSocket::bind((from, 0))?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(timeout))?;
        socket.send(payload)?;
        let mut buffer = vec![0; 65_536];
        let length = socket.recv(&mut buffer)?;
        Answer::parse(&buffer[..length]).ok_or_else(|| io::Error::other("not an answer of the lab's service"))
    });
    asked.map_err(io::Error::other)?
}
