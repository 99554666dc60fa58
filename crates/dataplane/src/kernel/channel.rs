//! A blocking netlink socket: requests, dumps and batches, with every acknowledgement checked.
//!
//! The kernel works on a request inside `sendmsg`: once that returns, every acknowledgement is in the queue already.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable, parse_i32,
};
use netlink_sys::{Socket, SocketAddr};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::TimeVal,
};

use crate::Fault;

const NET_ADMIN: &str = "CAP_NET_ADMIN";
/// Room for a transaction of a million elements; taken only while one is under way.
const SEND_BUFFER: usize = 256 << 20;
const RECEIVE_BUFFER: usize = 16 << 20;
/// Larger than any datagram the kernel makes for a dump or an acknowledgement.
const DATAGRAM: usize = 128 << 10;
/// Seconds without an answer after which the kernel is taken to be stuck.
const PATIENCE: i64 = 10;
/// Requests of which none depends on another, in one datagram: as many refusals find room.
const AT_ONCE: usize = 1024;
/// How often a dump is started again because something changed under it.
const DUMPS: u32 = 20;

/// One message to send: what it does, for the error; its flags beside those of every request; itself.
#[derive(Debug)]
pub(crate) struct Request<M> {
    pub(super) operation: String,
    pub(super) flags: u16,
    pub(super) message: M,
}

/// One message received: its type and what follows the netlink header.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(super) kind: u16,
    pub(super) body: Vec<u8>,
}

/// What one datagram's message means for whoever waits.
enum Part {
    Reply(Reply),
    Ack { sequence: u32, code: i32 },
    Done { interrupted: bool, code: i32 },
}

/// Requests in one datagram: their first sequence number, that of the one whose acknowledgement counts, what each does.
struct Batch {
    first: u32,
    asked: u32,
    operations: Vec<String>,
}

/// A netlink socket of one protocol, in the namespace in which it was opened.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Channel {
    /// Open it. Forcing the send buffer needs `CAP_NET_ADMIN`, and so shows at once whether we have it.
    pub(crate) fn open(protocol: isize, operation: &str) -> Result<Self, Fault> {
        let fault = |source: io::Error| Fault::kernel(operation, NET_ADMIN, source);
        let mut socket = Socket::new(protocol).map_err(fault)?;
        socket.bind_auto().map_err(fault)?;
        setsockopt(&socket, sockopt::SndBufForce, &SEND_BUFFER).map_err(|errno| fault(errno.into()))?;
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).map_err(|errno| fault(errno.into()))?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(PATIENCE, 0))
            .map_err(|errno| fault(errno.into()))?;
        socket.set_cap_ack(true).map_err(fault)?;
        socket.set_netlink_get_strict_chk(true).map_err(fault)?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; DATAGRAM] })
    }

    /// Send one request and wait for its acknowledgement; what the kernel answered before it.
    pub(crate) fn request<M: NetlinkSerializable>(
        &mut self,
        request: Request<M>,
    ) -> Result<Vec<Reply>, Fault> {
        let Request { operation, flags, message } = request;
        let (bytes, sequence) = self.encode(message, NLM_F_REQUEST | NLM_F_ACK | flags);
        self.send(&operation, &bytes)?;
        let mut replies = Vec::new();
        loop {
            for part in self.receive(&operation, 0)? {
                match part {
                    Part::Reply(reply) => replies.push(reply),
                    Part::Ack { sequence: of, code } if of == sequence => {
                        return refused(&operation, code).map(|()| replies);
                    }
                    Part::Ack { .. } | Part::Done { .. } => {}
                }
            }
        }
    }

    /// Everything the kernel has of a kind, as it was at one moment: a dump under which something changed is begun again.
    pub(crate) fn dump<M: NetlinkSerializable + Clone>(
        &mut self,
        operation: &str,
        message: &M,
    ) -> Result<Vec<Reply>, Fault> {
        for _ in 0..DUMPS {
            if let Some(replies) = self.dump_once(operation, message.clone())? {
                return Ok(replies);
            }
        }
        let what = format!("it changed under each of {DUMPS} tries to list it");
        Err(Fault::Answer { operation: operation.to_owned(), what })
    }

    fn dump_once<M: NetlinkSerializable>(
        &mut self,
        operation: &str,
        message: M,
    ) -> Result<Option<Vec<Reply>>, Fault> {
        let (bytes, sequence) = self.encode(message, NLM_F_REQUEST | NLM_F_DUMP);
        self.send(operation, &bytes)?;
        let (mut replies, mut whole) = (Vec::new(), true);
        loop {
            for part in self.receive(operation, 0)? {
                match part {
                    Part::Reply(reply) => replies.push(reply),
                    Part::Ack { sequence: of, code } if of == sequence => refused(operation, code)?,
                    Part::Ack { .. } => {}
                    Part::Done { interrupted, code } => {
                        refused(operation, code)?;
                        whole &= !interrupted;
                        return Ok(whole.then_some(replies));
                    }
                }
            }
        }
    }

    /// Send all of them in one datagram; the first refusal is the fault, unless its error is one of `forgiven`.
    ///
    /// Only the last of those that ask for an acknowledgement is waited for: each one takes room in the queue, and what
    /// finds no room there is lost. A refusal is told without being asked for.
    pub(crate) fn batch<M: NetlinkSerializable>(
        &mut self,
        requests: Vec<Request<M>>,
        forgiven: &[i32],
    ) -> Result<(), Fault> {
        let first = self.sequence.wrapping_add(1);
        let (mut bytes, mut operations, mut asked) = (Vec::new(), Vec::with_capacity(requests.len()), first);
        for Request { operation, flags, message } in requests {
            let sequence = self.append(&mut bytes, message, NLM_F_REQUEST | flags);
            asked = if flags & NLM_F_ACK == 0 { asked } else { sequence };
            operations.push(operation);
        }
        self.send("send a transaction", &bytes)?;
        self.outcome(&Batch { first, asked, operations }, forgiven)
    }

    /// The same for requests that have nothing to do with each other, in as many datagrams as it takes. After a fault some
    /// of the others may have been done.
    pub(crate) fn each<M: NetlinkSerializable>(
        &mut self,
        requests: impl IntoIterator<Item = Request<M>>,
        forgiven: &[i32],
    ) -> Result<(), Fault> {
        let mut requests = requests.into_iter();
        loop {
            let mut some: Vec<_> = requests.by_ref().take(AT_ONCE).collect();
            let Some(last) = some.last_mut() else { return Ok(()) };
            last.flags |= NLM_F_ACK;
            self.batch(some, forgiven)?;
        }
    }

    /// What became of a batch: everything that is told of it is in the queue by now.
    fn outcome(&mut self, batch: &Batch, forgiven: &[i32]) -> Result<(), Fault> {
        const OPERATION: &str = "be told what became of a transaction";
        let (mut fault, mut lost, mut told) = (None, None, false);
        loop {
            let parts = match self.receive(OPERATION, libc::MSG_DONTWAIT) {
                Err(Fault::Kernel { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => break,
                // Said before what did find room: the first refusals.
                Err(Fault::Kernel { source, operation }) if source.raw_os_error() == Some(libc::ENOBUFS) => {
                    lost = Some(Fault::Kernel { operation, source });
                    continue;
                }
                parts => parts?,
            };
            for part in parts {
                let Part::Ack { sequence, code } = part else { continue };
                let number = sequence.wrapping_sub(batch.first) as usize;
                let Some(operation) = batch.operations.get(number) else { continue };
                told |= sequence == batch.asked;
                if !forgiven.contains(&-code) {
                    fault = fault.or(refused(operation, code).err());
                }
            }
        }
        match fault.or(lost) {
            Some(fault) => Err(fault),
            None if told => Ok(()),
            None => Err(Fault::answer(OPERATION, "it says nothing")),
        }
    }

    fn encode<M: NetlinkSerializable>(&mut self, message: M, flags: u16) -> (Vec<u8>, u32) {
        let mut bytes = Vec::new();
        let sequence = self.append(&mut bytes, message, flags);
        (bytes, sequence)
    }

    /// Its sequence number.
    fn append<M: NetlinkSerializable>(&mut self, bytes: &mut Vec<u8>, message: M, flags: u16) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = NetlinkMessage::new(Default::default(), NetlinkPayload::InnerMessage(message));
        message.header.flags = flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let begin = bytes.len();
        // Messages begin at multiples of four.
        bytes.resize(begin + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut bytes[begin..]);
        self.sequence
    }

    fn send(&mut self, operation: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.drain();
        let sent = self.socket.send_to(bytes, &SocketAddr::new(0, 0), 0);
        sent.map(|_| ()).map_err(|source| Fault::kernel(operation, NET_ADMIN, source))
    }

    /// Throws away what an earlier request left in the queue because it ended in a fault: the rest of a listing would be
    /// taken for the next one's, and until it is fetched the kernel begins no other (`EBUSY`).
    fn drain(&mut self) {
        const MOST: u32 = 1 << 20;
        for _ in 0..MOST {
            match self.socket.recv(&mut &mut self.buffer[..], libc::MSG_DONTWAIT | libc::MSG_TRUNC) {
                Ok(_) => {}
                // It says once that something was lost, and goes on.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(_) => return,
            }
        }
    }

    fn receive(&mut self, operation: &str, flags: i32) -> Result<Vec<Part>, Fault> {
        let size = loop {
            match self.socket.recv(&mut &mut self.buffer[..], flags | libc::MSG_TRUNC) {
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Fault::kernel(operation, NET_ADMIN, source)),
                Ok(size) => break size,
            }
        };
        let datagram = self.buffer.get(..size);
        parts(datagram.ok_or_else(|| Fault::answer(operation, format!("a datagram of {size} bytes")))?)
            .map_err(|what| Fault::answer(operation, what))
    }
}

fn refused(operation: &str, code: i32) -> Result<(), Fault> {
    if code == 0 {
        return Ok(());
    }
    Err(Fault::kernel(operation, NET_ADMIN, io::Error::from_raw_os_error(-code)))
}

fn parts(mut datagram: &[u8]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    while !datagram.is_empty() {
        let message = NetlinkBuffer::new_checked(&datagram).map_err(|error| error.to_string())?;
        let code = || message.payload().get(..4).and_then(|code| parse_i32(code).ok()).unwrap_or(0);
        parts.push(match message.message_type() {
            NLMSG_ERROR => Part::Ack { sequence: message.sequence_number(), code: code() },
            NLMSG_DONE => {
                Part::Done { interrupted: message.flags() & NLM_F_DUMP_INTR != 0, code: code().min(0) }
            }
            kind => Part::Reply(Reply { kind, body: message.payload().to_vec() }),
        });
        let length = (message.length() as usize).next_multiple_of(4).min(datagram.len());
        datagram = datagram.get(length..).unwrap_or_default();
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a story that goes wrong says so by panicking")]

    use netlink_packet_route::{RouteNetlinkMessage, address::AddressMessage, link::LinkMessage};
    use netlink_sys::protocols::NETLINK_ROUTE;

    use super::*;

    const NEW_ADDRESS: u16 = 20;

    #[test]
    fn what_a_broken_off_listing_left_is_not_taken_for_the_next_ones() {
        let mut socket = Socket::new(NETLINK_ROUTE).unwrap();
        socket.bind_auto().unwrap();
        let mut channel = Channel { socket, sequence: 0, buffer: vec![0; DATAGRAM] };
        let links = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let (bytes, _) = channel.encode(links, NLM_F_REQUEST | NLM_F_DUMP);
        channel.send("list the links", &bytes).unwrap();
        let addresses = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let listed = channel.dump("list the addresses", &addresses).unwrap();
        assert!(!listed.is_empty());
        assert_eq!(listed.iter().find(|reply| reply.kind != NEW_ADDRESS).map(|reply| reply.kind), None);
    }
}
