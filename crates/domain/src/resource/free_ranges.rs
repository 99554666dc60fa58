//! Free addresses as ranges: taking, giving back and finding the lowest or highest cost O(log n) of what is taken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

/// The free addresses of a pool or of a subnet. Ranges neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FreeRanges {
    /// First address → last address.
    ranges: OrdMap<IpAddr, IpAddr>,
}

impl FreeRanges {
    /// Whether the address is free.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.around(address).is_some()
    }

    /// The lowest free address, IPv4 before IPv6.
    pub fn lowest(&self) -> Option<IpAddr> {
        self.ranges.get_min().map(|(first, _)| *first)
    }

    /// The highest free address.
    pub fn highest(&self) -> Option<IpAddr> {
        self.ranges.get_max().map(|(_, last)| *last)
    }

    /// Makes `first ..= last` free, joined with the free neighbours of the same family. Both ends of one family,
    /// none of the range free before.
    pub(super) fn give(&mut self, first: IpAddr, last: IpAddr) {
        let (mut first, mut last) = (first, last);
        let before = previous(first).and_then(|neighbour| self.around(neighbour));
        let after = next(last).and_then(|neighbour| self.around(neighbour));
        if let Some((start, _)) = before {
            self.ranges.remove(&start);
            first = start;
        }
        if let Some((start, end)) = after {
            self.ranges.remove(&start);
            last = end;
        }
        self.ranges.insert(first, last);
    }

    /// Makes one address not free; nothing happens where it is not free.
    pub(super) fn take(&mut self, address: IpAddr) {
        let Some((first, last)) = self.around(address) else { return };
        self.ranges.remove(&first);
        if let Some(end) = previous(address).filter(|_| first < address) {
            self.ranges.insert(first, end);
        }
        if let Some(start) = next(address).filter(|_| address < last) {
            self.ranges.insert(start, last);
        }
    }

    /// Makes `first ..= last` not free, as far as it is.
    pub(super) fn take_all(&mut self, first: IpAddr, last: IpAddr) {
        let begin = self.around(first).map_or(first, |(start, _)| start);
        let cut: Vec<_> = self.ranges.range(begin..=last).map(|(start, end)| (*start, *end)).collect();
        for (start, end) in cut {
            self.ranges.remove(&start);
            if let Some(before) = previous(first).filter(|_| start < first) {
                self.ranges.insert(start, before);
            }
            if let Some(after) = next(last).filter(|_| last < end) {
                self.ranges.insert(after, end);
            }
        }
    }

    fn around(&self, address: IpAddr) -> Option<(IpAddr, IpAddr)> {
        let (first, last) = self.ranges.range(..=address).next_back()?;
        (address <= *last).then_some((*first, *last))
    }
}

/// The next address of the same family.
pub(super) fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_add(1).map(|bits| Ipv4Addr::from_bits(bits).into()),
        IpAddr::V6(v6) => v6.to_bits().checked_add(1).map(|bits| Ipv6Addr::from_bits(bits).into()),
    }
}

/// The address before, of the same family.
pub(super) fn previous(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => v4.to_bits().checked_sub(1).map(|bits| Ipv4Addr::from_bits(bits).into()),
        IpAddr::V6(v6) => v6.to_bits().checked_sub(1).map(|bits| Ipv6Addr::from_bits(bits).into()),
    }
}
