//! What the kernel tells of changes of its rulesets: which elements of ours were touched, generation by generation. What is
//! touched can be mended without reading everything back.
//!
//! A listener makes large transactions slow: while one of ours is under way nobody listens.

use std::{collections::BTreeMap, io, net::IpAddr};

use mooring_domain::nat::Touched;
use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use nix::sys::socket::{setsockopt, sockopt};

use super::{
    attribute as read,
    ruleset::{EIP_TO_HAVIP, FENCE, HAVIP_TO_EIP, HAVIPS, HOLDERS, NAT, UNHELD},
    table,
};
use crate::Fault;

const OPERATION: &str = "listen to changes of nftables";
/// nftables' group.
const GROUP: u32 = 7;
/// Room for some thousand elements; beyond it everything is read.
const BUFFER: usize = 1 << 20;
const DATAGRAM: usize = 64 << 10;
/// The most datagrams that are taken at once: more than find room.
const MOST: u32 = 1 << 12;
/// The family of our tables.
const IPV4: u8 = libc::NFPROTO_IPV4 as u8;
const NEW_ELEMENT: u16 = told(libc::NFT_MSG_NEWSETELEM);
const DELETED_ELEMENT: u16 = told(libc::NFT_MSG_DELSETELEM);
const NEW_GENERATION: u16 = told(libc::NFT_MSG_NEWGEN);

/// The number of a message of nftables among all of netfilter's.
const fn told(kind: libc::c_int) -> u16 {
    (libc::NFNL_SUBSYS_NFTABLES << 8 | kind) as u16
}

/// An element's set and its key.
type Key = (&'static str, Vec<u8>);

/// A netlink socket that hears of changes.
#[derive(Debug)]
pub(super) struct Heard {
    socket: Socket,
    buffer: Vec<u8>,
    listening: bool,
    /// Everything behind this generation was heard; `None`: not all.
    from: Option<u32>,
    /// The last one that was heard of.
    to: u32,
    /// Of each element that was touched since: what it leads to, if it is there.
    elements: BTreeMap<Key, Option<Vec<u8>>>,
    /// More than elements was touched.
    more: bool,
}

impl Heard {
    /// Nobody listens yet: see [`Heard::listen`].
    pub(super) fn open() -> Result<Self, Fault> {
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(fault)?;
        setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).map_err(|errno| fault(errno.into()))?;
        socket.bind(&SocketAddr::new(0, 0)).map_err(fault)?;
        socket.set_non_blocking(true).map_err(fault)?;
        let (buffer, elements) = (vec![0; DATAGRAM], BTreeMap::new());
        Ok(Self { socket, buffer, listening: false, from: None, to: 0, elements, more: false })
    }

    /// Nobody listens until [`Heard::listen`].
    pub(super) fn pause(&mut self) -> Result<(), Fault> {
        if std::mem::take(&mut self.listening) {
            self.socket.drop_membership(GROUP).map_err(fault)?;
        }
        Ok(())
    }

    pub(super) const fn is_listening(&self) -> bool {
        self.listening
    }

    /// Listens from now on; `now` asks for the generation.
    pub(super) fn listen(&mut self, now: impl FnOnce() -> Result<u32, Fault>) -> Result<(), Fault> {
        if !self.listening {
            self.socket.add_membership(GROUP).map_err(fault)?;
            self.listening = true;
        }
        self.take();
        self.begin(now()?);
        Ok(())
    }

    /// The last one that was heard of, where none was missed: looking is cheaper than asking.
    pub(super) fn generation(&mut self) -> Option<u32> {
        if !self.listening {
            return None;
        }
        self.take();
        self.from.map(|_| self.to)
    }

    /// What was told so far is known, or will be read: a change of ours is not what somebody touched.
    pub(super) fn forget(&mut self) {
        self.take();
        if self.from.is_some() {
            self.begin(self.to);
        }
    }

    fn begin(&mut self, generation: u32) {
        (self.from, self.to, self.more) = (Some(generation), generation, false);
        self.elements.clear();
    }

    /// What was touched since that generation, if all of it up to `now` was heard and it is no more than elements.
    pub(super) fn touched(&mut self, since: u32, now: u32) -> Option<Vec<Touched>> {
        self.take();
        let whole = !self.more && self.to == now && self.from == Some(since);
        let elements = self.elements.iter().filter(|_| whole);
        elements.map(|(key, to)| touched(key, to.as_deref())).collect::<Option<_>>().filter(|_| whole)
    }

    /// Takes what the kernel has told. Of what is lost or not understood nothing is known but that.
    fn take(&mut self) {
        for _ in 0..MOST {
            match self.socket.recv(&mut &mut self.buffer[..], libc::MSG_DONTWAIT | libc::MSG_TRUNC) {
                Ok(size) => match self.buffer.get(..size).map(<[u8]>::to_vec) {
                    Some(datagram) => self.hear(&datagram),
                    None => self.from = None,
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // There was no room for some of it, most likely.
                Err(_) => self.from = None,
            }
        }
        // Whoever tells so much may go on for ever.
        self.from = None;
    }

    fn hear(&mut self, mut datagram: &[u8]) {
        while !datagram.is_empty() {
            let Ok(message) = NetlinkBuffer::new_checked(&datagram) else {
                self.from = None;
                return;
            };
            let (family, attributes) = message.payload().split_at_checked(read::NFGENMSG).unwrap_or_default();
            let ours = family.first() == Some(&IPV4) && is_ours(attributes);
            match message.message_type() {
                NEW_GENERATION => self.follow(attributes),
                kind @ (NEW_ELEMENT | DELETED_ELEMENT) if ours => {
                    self.element(attributes, kind == NEW_ELEMENT)
                }
                _ => self.more |= ours,
            }
            let length = (message.length() as usize).next_multiple_of(4).min(datagram.len());
            datagram = datagram.get(length..).unwrap_or_default();
        }
    }

    fn follow(&mut self, attributes: &[u8]) {
        const ID: u16 = 1;
        match read::number(attributes, ID) {
            // Told of after it was asked for.
            Some(id) if id == self.to => {}
            Some(id) if id == self.to.wrapping_add(1) => self.to = id,
            id => (self.from, self.to) = (None, id.unwrap_or(self.to)),
        }
    }

    fn element(&mut self, attributes: &[u8], there: bool) {
        const TABLE: u16 = 1;
        const SET: u16 = 2;
        const ELEMENTS: u16 = 3;
        let of_table = read::text(attributes, TABLE).unwrap_or_default();
        let set = read::text(attributes, SET).and_then(|name| {
            let ours = [
                (NAT, EIP_TO_HAVIP),
                (NAT, HAVIP_TO_EIP),
                (FENCE, HAVIPS),
                (FENCE, UNHELD),
                (FENCE, HOLDERS),
            ];
            ours.into_iter().find(|(table, set)| *table == of_table && *set == name)
        });
        let Some((_, set)) = set else {
            self.more = true;
            return;
        };
        for (_, element) in read::each(read::find(attributes, ELEMENTS).unwrap_or_default()) {
            match table::parse(element) {
                Some(element) => {
                    self.elements.insert((set, element.key), there.then_some(element.data));
                }
                None => self.more = true,
            }
        }
    }
}

fn fault(source: io::Error) -> Fault {
    Fault::kernel(OPERATION, "CAP_NET_ADMIN", source)
}

/// Every message about a table names it first.
fn is_ours(attributes: &[u8]) -> bool {
    const TABLE: u16 = 1;
    matches!(read::text(attributes, TABLE), Some(NAT | FENCE))
}

fn touched((set, key): &Key, to: Option<&[u8]>) -> Option<Touched> {
    let address = IpAddr::V4(read::address(key)?);
    let leads = || match to {
        Some(data) => read::address(data).map(|to| Some(IpAddr::V4(to))),
        None => Some(None),
    };
    Some(match *set {
        EIP_TO_HAVIP => Touched::Eip(address, leads()?),
        HAVIP_TO_EIP => Touched::Havip(address, leads()?),
        HAVIPS => Touched::Known(address, to.is_some()),
        UNHELD => Touched::Unheld(address, to.is_some()),
        _ => Touched::Holder(address, table::mac(key)?, to.is_some()),
    })
}
