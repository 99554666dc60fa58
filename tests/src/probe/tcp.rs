//! A TCP service that greets with its name and the address it saw, and what a client does with it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

use super::echo::Answer;
use super::worker::{PATIENCE, Stop, Worker};
use crate::lab::Namespace;

/// What a service does after its greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Sends everything back.
    Echo,
    /// Takes everything, and at the end answers with the number of bytes.
    Sink,
}

/// A TCP service. Ends, with its connections, when dropped.
pub struct TcpServer {
    peers: Arc<Mutex<Vec<SocketAddr>>>,
    _worker: Worker,
}

impl TcpServer {
    /// Serves `address` in `ns` under `name`, which must have no space in it.
    pub fn start(ns: &Namespace, address: SocketAddrV4, name: &str, mode: Mode) -> Result<TcpServer> {
        let listener = ns.run(|| TcpListener::bind(address))?.with_context(|| format!("tcp {address}"))?;
        listener.set_nonblocking(true)?;
        let peers = Arc::new(Mutex::new(Vec::new()));
        let (seen, name) = (peers.clone(), name.to_owned());
        let worker = Worker::start(move |stop| accept(&listener, &name, mode, &seen, &stop));
        Ok(TcpServer { peers, _worker: worker })
    }

    /// The source of every connection so far.
    pub fn peers(&self) -> Vec<SocketAddr> {
        self.peers.lock().map(|peers| peers.clone()).unwrap_or_default()
    }
}

fn accept(listener: &TcpListener, name: &str, mode: Mode, peers: &Mutex<Vec<SocketAddr>>, stop: &Stop) {
    std::thread::scope(|scope| {
        while !stop.asked() {
            let Ok((stream, peer)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            if let Ok(mut peers) = peers.lock() {
                peers.push(peer);
            }
            scope.spawn(move || serve(stream, &format!("{name} {peer}\n"), mode, stop));
        }
    });
}

/// One connection, until it ends or breaks: neither is the service's business.
fn serve(mut stream: TcpStream, greeting: &str, mode: Mode, stop: &Stop) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(greeting.as_bytes()).ok()?;
    let (mut buffer, mut taken) = (vec![0; 65_536], 0);
    while !stop.asked() {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) if mode == Mode::Echo => stream.write_all(&buffer[..length]).ok()?,
            Ok(length) => taken += length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => return None,
        }
    }
    if mode == Mode::Sink { stream.write_all(format!("{taken}\n").as_bytes()).ok() } else { None }
}

/// Connects from an address of the namespace.
pub fn tcp_connect(
    ns: &Namespace,
    from: Ipv4Addr,
    to: SocketAddrV4,
    timeout: Duration,
) -> io::Result<TcpStream> {
    let connected = ns.run(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.bind(&SocketAddrV4::new(from, 0).into())?;
        socket.connect_timeout(&to.into(), timeout)?;
        Ok(TcpStream::from(socket))
    });
    connected.map_err(io::Error::other)?
}

/// Connects and reads the greeting: who answered, and whom it saw.
pub fn tcp_ask(ns: &Namespace, from: Ipv4Addr, to: SocketAddrV4, timeout: Duration) -> io::Result<Answer> {
    let stream = tcp_connect(ns, from, to, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    greeting(&mut BufReader::new(stream))
}

pub(super) fn greeting(stream: &mut impl BufRead) -> io::Result<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Answer::parse(line.as_bytes()).ok_or_else(|| io::Error::other(format!("no greeting: {line:?}")))
}

/// An upload that the receiver confirmed.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Who took it, and whom it saw.
    pub receiver: Answer,
    /// From the first byte to the receiver's confirmation.
    pub took: Duration,
}

/// Sends `bytes` bytes to a [`Mode::Sink`] service and waits until it says that it has them all.
///
/// `timeout` bounds each step that makes no progress.
pub fn upload(
    ns: &Namespace,
    from: Ipv4Addr,
    to: SocketAddrV4,
    bytes: usize,
    timeout: Duration,
) -> io::Result<Upload> {
    let stream = tcp_connect(ns, from, to, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let receiver = greeting(&mut reader)?;
    let begin = Instant::now();
    (&stream).write_all(&vec![0x6d; bytes])?;
    stream.shutdown(Shutdown::Write)?;
    let mut taken = String::new();
    reader.read_line(&mut taken)?;
    if taken.trim() != bytes.to_string() {
        return Err(io::Error::other(format!("sent {bytes} bytes, the receiver says {taken:?}")));
    }
    Ok(Upload { receiver, took: begin.elapsed() })
}
