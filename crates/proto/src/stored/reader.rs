//! Reading many events: the kinds that a log is full of straight from their bytes, their names shared. What is rare, or not
//! as this version writes it, is left to [`decode`], which also says what is wrong.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use mooring_domain::{
    Timestamp,
    address::Mac,
    event::{
        BindRequested, BindingFacts, ClaimFacts, EipDescribed, EipDetails, EipFacts, Event, HavipCreated,
        HavipFacts, HoldReleased, HolderChanged, HolderRules, VnicCreated, VnicFacts,
    },
    id::Id,
};
use uuid::Uuid;

use super::{
    decode,
    names::Names,
    parts::{Parts, Value, field},
};
use crate::convert::Malformed;

/// Reads events one after another. Each name that it has met is in memory once, for as long as the reader is there.
#[derive(Debug, Default)]
pub struct Reader {
    names: Names,
}

impl Reader {
    /// The event in stored bytes, as [`decode`].
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Event, Malformed> {
        match self.event(bytes) {
            Some(event) => Ok(event),
            None => decode(bytes),
        }
    }

    fn event(&mut self, mut bytes: &[u8]) -> Option<Event> {
        let (kind, Value::Bytes(body)) = field(&mut bytes)? else { return None };
        if !bytes.is_empty() {
            return None;
        }
        Some(match kind {
            4 => Event::VnicCreated(self.vnic_created(body)?),
            5 => Event::HavipCreated(self.havip_created(body)?),
            7 => {
                let (eip, details) = (self.eip(Parts::<2>::of(body)?.get(1)?)?, EipDetails::default());
                Event::EipAllocated(EipDescribed { eip, details })
            }
            9 => Event::HoldPlaced(self.binding(body)?),
            10 => Event::HoldReleased(self.hold_released(body)?),
            32 => Event::BindRequested(self.bind_requested(body)?),
            33 => Event::Bound(self.binding(body)?),
            35 => Event::UnbindRequested(self.binding(body)?),
            36 => Event::Unbound(self.binding(body)?),
            64 => Event::HolderChanged(self.holder_changed(body)?),
            _ => return None,
        })
    }

    fn vnic_created(&mut self, body: &[u8]) -> Option<VnicCreated> {
        let parts = Parts::<6>::of(body)?;
        Some(VnicCreated {
            vnic: self.vnic(parts.get(1)?)?,
            vpc: id(parts.get(2))?,
            subnet: id(parts.get(3))?,
            project: self.names.projects.read(parts.get(4))?,
            region: self.names.regions.read(parts.get(5))?,
        })
    }

    fn havip_created(&mut self, mut body: &[u8]) -> Option<HavipCreated> {
        let (1, Value::Bytes(havip)) = field(&mut body)? else { return None };
        let havip = self.havip(havip)?;
        let mut members = Vec::new();
        while !body.is_empty() {
            let (2, Value::Bytes(member)) = field(&mut body)? else { return None };
            members.push(self.vnic(member)?);
        }
        members.shrink_to_fit();
        Some(HavipCreated { havip, members, rules: HolderRules::default() })
    }

    fn hold_released(&mut self, body: &[u8]) -> Option<HoldReleased> {
        let parts = Parts::<5>::of(body)?;
        let held = match (parts.get(3), parts.get(4)) {
            (None, None) => None,
            (eip, havip) => Some((self.eip(eip?)?, self.havip(havip?)?)),
        };
        let region = self.names.regions.read(parts.get(2))?;
        Some(HoldReleased { binding: id(parts.get(1))?, region, held })
    }

    fn bind_requested(&mut self, body: &[u8]) -> Option<BindRequested> {
        let parts = Parts::<8>::of(body)?;
        Some(BindRequested {
            binding: id(parts.get(1))?,
            eip: id(parts.get(2))?,
            havip: id(parts.get(3))?,
            project: self.names.projects.read(parts.get(4))?,
            region: self.names.regions.read(parts.get(5))?,
            eip_project: self.names.projects.read(parts.get(6))?,
            moved_from: match parts.get(7) {
                Some(left) => Some(id(Some(left))?),
                None => None,
            },
        })
    }

    fn binding(&mut self, body: &[u8]) -> Option<BindingFacts> {
        let parts = Parts::<4>::of(body)?;
        let (eip, havip) = (self.eip(parts.get(2)?)?, self.havip(parts.get(3)?)?);
        Some(BindingFacts { binding: id(parts.get(1))?, eip, havip })
    }

    fn holder_changed(&mut self, body: &[u8]) -> Option<HolderChanged> {
        let parts = Parts::<6>::of(body)?;
        let previous = match parts.get(3) {
            Some(previous) => Some(self.vnic(previous)?),
            None => None,
        };
        let (havip, holder) = (self.havip(parts.get(1)?)?, self.vnic(parts.get(2)?)?);
        let (claim, backoff) = (self.claim(parts.get(4)?)?, Duration::from_nanos(parts.number(5)));
        Some(HolderChanged { havip, holder, previous, claim, backoff, lease: None })
    }

    fn eip(&mut self, body: &[u8]) -> Option<EipFacts> {
        let parts = Parts::<7>::of(body)?;
        Some(EipFacts {
            id: id(parts.get(1))?,
            project: self.names.projects.read(parts.get(2))?,
            region: self.names.regions.read(parts.get(3))?,
            pool: id(parts.get(4))?,
            address: address(parts.get(5))?,
            display_name: self.names.labels.read(parts.get(6))?,
        })
    }

    fn havip(&mut self, body: &[u8]) -> Option<HavipFacts> {
        let parts = Parts::<8>::of(body)?;
        Some(HavipFacts {
            id: id(parts.get(1))?,
            project: self.names.projects.read(parts.get(2))?,
            region: self.names.regions.read(parts.get(3))?,
            vpc: id(parts.get(4))?,
            subnet: id(parts.get(5))?,
            address: address(parts.get(6))?,
            display_name: self.names.labels.read(parts.get(7))?,
        })
    }

    fn vnic(&mut self, body: &[u8]) -> Option<VnicFacts> {
        let parts = Parts::<5>::of(body)?;
        Some(VnicFacts {
            id: id(parts.get(1))?,
            mac: mac(parts.get(2))?,
            address: address(parts.get(3))?,
            instance: self.names.labels.read(parts.get(4))?,
        })
    }

    fn claim(&mut self, body: &[u8]) -> Option<ClaimFacts> {
        let parts = Parts::<5>::of(body)?;
        Some(ClaimFacts {
            gateway: self.names.gateways.read(parts.get(1))?,
            number: parts.number(2),
            mac: mac(parts.get(3))?,
            observed_at: Timestamp(parts.number(4)),
        })
    }
}

pub(super) fn id<K>(bytes: Option<&[u8]>) -> Option<Id<K>> {
    bytes?.try_into().ok().map(|bytes| Id::new(Uuid::from_bytes(bytes)))
}

pub(super) fn mac(bytes: Option<&[u8]>) -> Option<Mac> {
    bytes?.try_into().ok().map(Mac)
}

pub(super) fn address(message: Option<&[u8]>) -> Option<IpAddr> {
    let octets = Parts::<2>::of(message?)?.get(1)?;
    match octets.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into()),
        _ => None,
    }
}
