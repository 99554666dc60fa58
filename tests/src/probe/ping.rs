//! One ICMP echo.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::frame::checksum;
use crate::lab::Namespace;

const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;

/// Sends one echo request with `size` bytes of payload and returns the time until the reply, which must come from
/// `to` and carry the same payload.
pub fn ping(
    ns: &Namespace,
    from: Ipv4Addr,
    to: Ipv4Addr,
    size: usize,
    timeout: Duration,
) -> io::Result<Duration> {
    let pinged = ns.run(|| {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
        socket.bind(&SocketAddrV4::new(from, 0).into())?;
        let request = request(size);
        let begin = Instant::now();
        socket.send_to(&request, &SocketAddrV4::new(to, 0).into())?;
        await_reply(&socket, to, &request, begin + timeout)?;
        Ok(begin.elapsed())
    });
    pinged.map_err(io::Error::other)?
}

fn request(size: usize) -> Vec<u8> {
    let identity = uuid::Uuid::now_v7().as_u128() as u32;
    let mut message = vec![ECHO_REQUEST, 0, 0, 0];
    message.extend_from_slice(&identity.to_be_bytes());
    message.extend((0..size).map(|n| n as u8));
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    message
}

fn await_reply(socket: &Socket, to: Ipv4Addr, request: &[u8], end: Instant) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no echo reply from {to}")));
        }
        socket.set_read_timeout(Some(left))?;
        let length = match (&*socket).read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let header = usize::from(buffer[0] & 0x0f) * 4;
        let (source, reply) = (&buffer[12..16], buffer.get(header..length).unwrap_or_default());
        let matches = reply.len() == request.len() && reply[0] == ECHO_REPLY && reply[4..] == request[4..];
        if matches && source == to.octets() {
            return Ok(());
        }
    }
}
