//! One packet socket on the inside, and the claims in it.

use std::{
    io::IoSliceMut,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    sync::Arc,
};

use mooring_domain::{Timestamp, address::Mac};
use nix::{
    errno::Errno,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt},
        time::TimeSpec,
    },
};
use socket2::{SockFilter, Socket};

use super::Seen;
use crate::{Fault, arp::Arp, kernel::link::Link, packet};

const OPERATION: &str = "listen for ARP";

#[derive(Debug)]
pub(super) struct Ear {
    pub(super) socket: Arc<Socket>,
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Ear {
    /// `buffer`: bytes for what nobody has taken yet. The kernel counts about 800 for a message.
    pub(super) fn open(inside: Link, filter: &[SockFilter], buffer: usize) -> Result<Self, Fault> {
        let socket = packet::listener(inside.index, filter)?;
        let fault = |errno: Errno| Fault::kernel(OPERATION, "CAP_NET_ADMIN", errno.into());
        setsockopt(&socket, sockopt::RcvBufForce, &buffer).map_err(fault)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).map_err(fault)?;
        Ok(Self { socket: Arc::new(socket) })
    }

    pub(super) fn follow(&self, inside: Link) -> Result<(), Fault> {
        packet::bind(&self.socket, inside.index)
    }

    /// Take at most so many messages; those from the gateway's own MAC are none of anybody else's claims. How many there
    /// were.
    pub(super) fn take(&self, most: usize, own: Option<Mac>, seen: &mut Vec<Seen>) -> Result<usize, Fault> {
        for taken in 0..most {
            let Some((arp, observed_at)) = self.next()? else { return Ok(taken) };
            seen.extend(arp.and_then(|arp| told_by(arp, own, observed_at)));
        }
        Ok(most)
    }

    fn next(&self) -> Result<Option<(Option<Arp>, Timestamp)>, Fault> {
        let mut bytes = [0; 128];
        let mut control = nix::cmsg_space!(TimeSpec);
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = match recvmsg::<()>(self.socket.as_raw_fd(), &mut slices, Some(&mut control), flags) {
            // A link that goes down says so once to its sockets; a signal means nothing.
            Err(Errno::EAGAIN | Errno::ENETDOWN | Errno::EINTR) => return Ok(None),
            Err(errno) => return Err(Fault::kernel(OPERATION, "CAP_NET_RAW", errno.into())),
            Ok(message) => message,
        };
        let mut at = Timestamp::default();
        let controls = message.cmsgs();
        for control in controls.map_err(|errno| Fault::answer(OPERATION, errno.to_string()))? {
            if let ControlMessageOwned::ScmTimestampns(time) = control {
                at = nanoseconds(time);
            }
        }
        let length = message.bytes;
        Ok(Some((bytes.get(..length).and_then(Arp::parse), at)))
    }
}

fn told_by(arp: Arp, own: Option<Mac>, observed_at: Timestamp) -> Option<Seen> {
    if let Some((address, mac)) = own.and_then(|own| arp.answers_probe(own)) {
        return Some(Seen::Alive { address, mac });
    }
    let (address, mac) = arp.claim().filter(|(_, mac)| Some(*mac) != own)?;
    Some(Seen::Claim { address, mac, observed_at, said: arp.said() })
}

fn nanoseconds(time: TimeSpec) -> Timestamp {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    Timestamp(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0))
}
