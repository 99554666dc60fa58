//! Claims, from the ARP on the inside.

use std::{
    io::IoSliceMut,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use mooring_domain::{Timestamp, address::Mac};
use nix::{
    errno::Errno,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt},
        time::TimeSpec,
    },
};
use socket2::Socket;

use super::Seen;
use crate::{Fault, arp::Arp, kernel::link::Link, packet};

/// Room for a few thousand claims while nobody takes them.
const BUFFER: usize = 4 << 20;
const OPERATION: &str = "listen for ARP";

/// A packet socket on the inside.
#[derive(Debug)]
pub(super) struct Claims {
    socket: Socket,
    /// How many the kernel had to throw away so far, as it last said.
    lost: u32,
}

impl AsFd for Claims {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Claims {
    pub(super) fn open(inside: Link) -> Result<Self, Fault> {
        let socket = packet::listener(inside.index)?;
        let fault = |errno: Errno| Fault::kernel(OPERATION, "CAP_NET_ADMIN", errno.into());
        setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).map_err(fault)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).map_err(fault)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1).map_err(fault)?;
        Ok(Self { socket, lost: 0 })
    }

    pub(super) fn follow(&self, inside: Link) -> Result<(), Fault> {
        packet::bind(&self.socket, inside.index)
    }

    /// Take at most so many messages; those from the gateway's own MAC are none of anybody else's claims.
    pub(super) fn take(&mut self, most: usize, own: Option<Mac>, seen: &mut Vec<Seen>) -> Result<(), Fault> {
        for _ in 0..most {
            let Some((arp, observed_at, lost)) = self.next()? else { break };
            if lost != self.lost {
                self.lost = lost;
                seen.push(Seen::Lost);
            }
            if let Some((address, mac)) = arp.and_then(|arp| arp.claim()).filter(|(_, mac)| Some(*mac) != own)
            {
                seen.push(Seen::Claim { address, mac, observed_at });
            }
        }
        Ok(())
    }

    fn next(&self) -> Result<Option<(Option<Arp>, Timestamp, u32)>, Fault> {
        let mut bytes = [0; 128];
        let mut control = nix::cmsg_space!(TimeSpec, u32);
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = match recvmsg::<()>(self.socket.as_raw_fd(), &mut slices, Some(&mut control), flags) {
            // A link that goes down says so once to its sockets; a signal means nothing.
            Err(Errno::EAGAIN | Errno::ENETDOWN | Errno::EINTR) => return Ok(None),
            Err(errno) => return Err(Fault::kernel(OPERATION, "CAP_NET_RAW", errno.into())),
            Ok(message) => message,
        };
        let (mut at, mut lost) = (Timestamp::default(), self.lost);
        let controls = message.cmsgs();
        for control in controls.map_err(|errno| Fault::answer(OPERATION, errno.to_string()))? {
            match control {
                ControlMessageOwned::ScmTimestampns(time) => at = nanoseconds(time),
                ControlMessageOwned::RxqOvfl(count) => lost = count,
                _ => {}
            }
        }
        let length = message.bytes;
        Ok(Some((bytes.get(..length).and_then(Arp::parse), at, lost)))
    }
}

fn nanoseconds(time: TimeSpec) -> Timestamp {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    Timestamp(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0))
}
