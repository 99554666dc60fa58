//! nftables' own account of packets: every rule that applied to each, as the kernel says it (`meta nftrace`).
//!
//! A table of the test's own sets the bit that makes the kernel tell, before any other table sees the packet.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use nix::sys::{
    socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType},
    socket::{MsgFlags, bind, recv, setsockopt, socket, sockopt},
    time::{TimeVal, TimeValLike as _},
};

use super::worker::{Stop, Worker};
use crate::lab::Namespace;

mod message;

pub use message::Verdict;
use message::{Message, Rule, Traced, messages};

/// Behind the kernel's putting together of fragments (-400), before the tables that are looked at.
const TABLE: &str = "kernel_trace";
const MAKE: [&str; 5] = [
    "nft add table ip kernel_trace",
    "nft add chain ip kernel_trace forwarded { type filter hook prerouting priority -350 ; }",
    "nft add chain ip kernel_trace own { type filter hook output priority -350 ; }",
    "nft add rule ip kernel_trace forwarded meta nftrace set 1",
    "nft add rule ip kernel_trace own meta nftrace set 1",
];
/// Bytes of messages that may wait to be read.
const RECEIVE_BUFFER: usize = 64 << 20;

/// A rule that applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its table.
    pub table: String,
    /// The chain that it stands in.
    pub chain: String,
    /// What its comment says; without the comment, its handle.
    pub comment: String,
    /// What it decided.
    pub verdict: Verdict,
}

/// One packet's way through all tables but the test's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// To whom and from whom it came; none for the namespace's own.
    pub macs: Option<([u8; 6], [u8; 6])>,
    /// Its IP header before any rule, as far as 40 bytes.
    pub network: Vec<u8>,
    /// What was behind it, as far as 20 bytes.
    pub transport: Vec<u8>,
    /// In their order.
    pub rules: Vec<Applied>,
}

/// Listens until it is dropped.
pub struct KernelTrace {
    seen: Arc<Mutex<Seen>>,
    _worker: Worker,
}

#[derive(Default)]
struct Seen {
    accounts: Vec<(Account, Vec<Traced>)>,
    /// Which account a number of the kernel's is of now: it gives one number to many packets, one after the other.
    now: BTreeMap<u32, usize>,
    comments: BTreeMap<(String, u64), String>,
    lost: Option<String>,
}

impl KernelTrace {
    /// What comes to `ns` and what it sends itself is traced after this.
    pub fn start(ns: &Namespace) -> Result<Self> {
        let socket = ns.run(open)?.context("listening to nftables")?;
        let seen = Arc::new(Mutex::new(Seen { comments: comments(ns)?, ..Seen::default() }));
        let its = seen.clone();
        let worker = Worker::start(move |stop| listen(&socket, &its, &stop));
        MAKE.iter().try_for_each(|line| ns.output(line).map(drop))?;
        Ok(Self { seen, _worker: worker })
    }

    /// Every packet so far, in the order in which they came; an error if the kernel said more than could be read.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        anyhow::ensure!(seen.lost.is_none(), "{}", seen.lost.as_deref().unwrap_or_default());
        Ok(seen.accounts.iter().map(|(account, traced)| seen.told(account, traced)).collect())
    }
}

impl Seen {
    fn take(&mut self, message: Message) {
        match message {
            Message::Rule(Rule { table, handle, comment }) => {
                self.comments.insert((table, handle), comment);
            }
            Message::Traced(traced) if traced.table == TABLE => {
                let (macs, network, transport) = (traced.macs, traced.network, traced.transport);
                if traced.handle.is_some() {
                    self.now.insert(traced.id, self.accounts.len());
                    self.accounts.push((Account { macs, network, transport, rules: Vec::new() }, Vec::new()));
                }
            }
            Message::Traced(traced) => match self.now.get(&traced.id) {
                Some(at) => self.accounts[*at].1.push(traced),
                None => {
                    self.lost = Some(format!("the kernel tells of a packet that never began: {traced:?}"))
                }
            },
        }
    }

    fn told(&self, account: &Account, traced: &[Traced]) -> Account {
        let rule = |traced: &Traced| {
            let handle = traced.handle?;
            let comment = self.comments.get(&(traced.table.clone(), handle));
            Some(Applied {
                table: traced.table.clone(),
                chain: traced.chain.clone(),
                comment: comment.cloned().unwrap_or_else(|| format!("handle {handle}")),
                verdict: traced.verdict.clone()?,
            })
        };
        Account { rules: traced.iter().filter_map(rule).collect(), ..account.clone() }
    }
}

/// Comments of the rules that are there already.
fn comments(ns: &Namespace) -> Result<BTreeMap<(String, u64), String>> {
    let (mut found, mut table) = (BTreeMap::new(), String::new());
    for line in ns.output("nft -a -t list ruleset")?.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("table ip ") {
            table = name.split(' ').next().unwrap_or_default().to_owned();
        }
        let rule = line.split_once("comment \"").and_then(|(_, rest)| rest.split_once("\" # handle "));
        if let Some((comment, handle)) = rule {
            found.insert((table.clone(), handle.parse()?), comment.to_owned());
        }
    }
    Ok(found)
}

fn open() -> io::Result<OwnedFd> {
    // The groups of nftables' changes and of its traces.
    const GROUPS: u32 = 1 << (7 - 1) | 1 << (9 - 1);
    let (flags, protocol) = (SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter);
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
    setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(20))?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    Ok(socket)
}

fn listen(socket: &OwnedFd, seen: &Mutex<Seen>, stop: &Stop) {
    let mut buffer = vec![0; 1 << 20];
    while !stop.asked() {
        let read = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty());
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(length) => messages(&buffer[..length]).into_iter().for_each(|message| seen.take(message)),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => {}
            Err(error) => seen.lost = Some(format!("what the kernel traced was lost: {error}")),
        }
    }
}
