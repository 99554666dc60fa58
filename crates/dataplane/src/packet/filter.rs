//! Which ARP a watcher's socket takes, as programs for the kernel: what does not pass takes no room in the socket's queue.
//!
//! Offsets are from the ARP header.

use std::net::Ipv4Addr;

use mooring_domain::address::Mac;
use socket2::SockFilter;

/// The most steps that the kernel takes in one program.
const MOST: usize = 4096;
/// So many values are compared one after the other; more are halved first.
const LEAF: usize = 8;
const WHOLE: u32 = 0xffff;

const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const TO_X: u16 = 0x07;
const JUMP: u16 = 0x05;
const EQUALS: u16 = 0x15;
const EQUALS_X: u16 = 0x1d;
const AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

const ETHERNET_AND_IPV4: u32 = 0x0001_0800;
const LENGTHS: u32 = 0x0604;
/// The last four bytes of the sender's MAC: what is like a member's in these goes where members' claims go, and is looked at
/// there.
const SENDER_MAC: u32 = 10;
const SENDER: u32 = 14;
const TARGET: u32 = 24;

/// What claims a watcher listens for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    havips: Vec<u32>,
    members: Vec<u32>,
}

impl Known {
    /// Claims of these addresses. What these MACs claim is heard however much others say.
    pub fn new(havips: impl IntoIterator<Item = Ipv4Addr>, members: impl IntoIterator<Item = Mac>) -> Self {
        let in_order = |mut values: Vec<u32>| {
            values.sort_unstable();
            values.dedup();
            values
        };
        let low = |Mac([_, _, a, b, c, d]): Mac| u32::from_be_bytes([a, b, c, d]);
        Self {
            havips: in_order(havips.into_iter().map(u32::from).collect()),
            members: in_order(members.into_iter().map(low).collect()),
        }
    }

    /// For the socket of members, and for that of everybody else. With more than the kernel takes in one program the first
    /// one hears everybody.
    pub(crate) fn programs(&self) -> [Vec<SockFilter>; 2] {
        let of = |among| {
            let mut program = claims();
            program.push(load(LOAD_WORD, SENDER));
            program.extend(search(&self.havips, true));
            program.push(load(LOAD_WORD, SENDER_MAC));
            program.extend(search(&self.members, among));
            program.push(result(WHOLE));
            program
        };
        let both = [of(true), of(false)];
        if both.iter().all(|program| program.len() <= MOST) { both } else { [everything(), nothing()] }
    }
}

/// Every claim, of whatever address.
pub(crate) fn everything() -> Vec<SockFilter> {
    let mut program = claims();
    program.push(result(WHOLE));
    program
}

pub(crate) fn nothing() -> Vec<SockFilter> {
    vec![result(0)]
}

/// Goes on behind it with a whole message that is a reply, or a request whose sender is its target.
fn claims() -> Vec<SockFilter> {
    // What is cut off before its target's address is dropped by the attempt to load that.
    let mut program = vec![load(LOAD_WORD, TARGET), load(LOAD_WORD, 0)];
    program.extend(is(ETHERNET_AND_IPV4));
    program.push(load(LOAD_HALF, 4));
    program.extend(is(LENGTHS));
    let mut request: Vec<_> = is(1).into();
    request.extend([
        load(LOAD_WORD, TARGET),
        SockFilter::new(TO_X, 0, 0, 0),
        load(LOAD_WORD, SENDER),
        SockFilter::new(EQUALS_X, 1, 0, 0),
        result(0),
    ]);
    program.extend([load(LOAD_HALF, 6), SockFilter::new(EQUALS, request.len() as u8, 0, 2)]);
    program.extend(request);
    program
}

fn load(size: u16, at: u32) -> SockFilter {
    SockFilter::new(size, 0, 0, at)
}

fn result(bytes: u32) -> SockFilter {
    SockFilter::new(RETURN, 0, 0, bytes)
}

/// Goes on behind it if what was loaded is this.
fn is(value: u32) -> [SockFilter; 2] {
    [SockFilter::new(EQUALS, 1, 0, value), result(0)]
}

/// A step of a search, as long as it is not known how far it is from the search's end.
enum Step {
    Is(SockFilter),
    Found,
    Missing,
}

/// Goes on behind it if what was loaded is among these values, which are in order; or, without `among`, if it is not.
fn search(values: &[u32], among: bool) -> Vec<SockFilter> {
    let steps = tree(values);
    let end = steps.len();
    let step = |(at, step)| match step {
        Step::Is(step) => step,
        found if matches!(found, Step::Found) == among => SockFilter::new(JUMP, 0, 0, (end - at - 1) as u32),
        _ => result(0),
    };
    steps.into_iter().enumerate().map(step).collect()
}

fn tree(values: &[u32]) -> Vec<Step> {
    let count = values.len();
    if count <= LEAF {
        let compare =
            |(at, value): (usize, &u32)| Step::Is(SockFilter::new(EQUALS, (count - at) as u8, 0, *value));
        let compared = values.iter().enumerate().map(compare);
        return compared.chain([Step::Missing, Step::Found]).collect();
    }
    let (low, high) = values.split_at(count / 2);
    let middle = high.first().copied().unwrap_or_default();
    let (low, high) = (tree(low), tree(high));
    let to_low = SockFilter::new(JUMP, 0, 0, high.len() as u32);
    let halves = [SockFilter::new(AT_LEAST, 1, 0, middle), to_low].map(Step::Is);
    halves.into_iter().chain(high).chain(low).collect()
}
