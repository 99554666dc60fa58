//! Addresses, ids and facts between the wire and the domain. Nothing is defaulted: what is missing or malformed is an error.

mod element;
mod labels;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use bytes::Bytes;
use ipnet::IpNet;
use mooring_domain::{
    Timestamp,
    address::Mac,
    binding::Stage,
    event::{BindingFacts, ClaimFacts, EipFacts, HavipFacts, VnicFacts},
    id::Id,
    name::BadName,
};
use uuid::Uuid;

pub use self::{
    element::{difference, element, wire_difference, wire_element},
    labels::{eip_described, label_map, labels, wire_eip_described, wire_labels},
};
use crate::{event::v1 as wire, resource::v1::eip::State as EipState};

/// A message that does not say what it must.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The field is not set.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The field is set to something that can't be.
    #[error("{0} is malformed")]
    Bad(&'static str),
    /// The event is of a kind that this version does not know: its number in `mooring.event.v1.Event`.
    #[error(
        "an event of kind {0}, which this version does not know; use a version as new as the one that wrote it"
    )]
    UnknownKind(u32),
    /// These are not the bytes of a message.
    #[error("not a protobuf message: {0}")]
    Undecodable(#[from] prost::DecodeError),
}

/// A UUID of 16 bytes.
pub fn id<K>(field: &'static str, bytes: &[u8]) -> Result<Id<K>, Malformed> {
    Uuid::from_slice(bytes).map(Id::new).map_err(|_| Malformed::Bad(field))
}

/// The same, where empty means none.
pub fn optional_id<K>(field: &'static str, bytes: &[u8]) -> Result<Option<Id<K>>, Malformed> {
    if bytes.is_empty() { Ok(None) } else { id(field, bytes).map(Some) }
}

/// A UUID as 16 bytes.
pub fn id_bytes<K>(id: Id<K>) -> Bytes {
    Bytes::copy_from_slice(id.uuid().as_bytes())
}

/// Text with a shape, such as a label.
pub fn text<T: FromStr<Err = BadName>>(field: &'static str, text: &str) -> Result<T, Malformed> {
    text.parse().map_err(|_| Malformed::Bad(field))
}

/// An address of 4 or 16 bytes.
pub fn address(field: &'static str, from: Option<wire::Address>) -> Result<IpAddr, Malformed> {
    let octets = from.ok_or(Malformed::Missing(field))?.octets;
    if let Ok(v4) = <[u8; 4]>::try_from(&octets[..]) {
        Ok(Ipv4Addr::from(v4).into())
    } else if let Ok(v6) = <[u8; 16]>::try_from(&octets[..]) {
        Ok(Ipv6Addr::from(v6).into())
    } else {
        Err(Malformed::Bad(field))
    }
}

/// The stored form of an address.
pub fn wire_address(address: IpAddr) -> wire::Address {
    let octets = match address {
        IpAddr::V4(v4) => Bytes::copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => Bytes::copy_from_slice(&v6.octets()),
    };
    wire::Address { octets }
}

/// An address block. One with host bits is none: its length is missing, or was never meant for that address.
pub fn cidr(field: &'static str, from: Option<wire::Cidr>) -> Result<IpNet, Malformed> {
    let from = from.ok_or(Malformed::Missing(field))?;
    let length = u8::try_from(from.prefix_length).map_err(|_| Malformed::Bad(field))?;
    let cidr = IpNet::new(address(field, from.network)?, length).map_err(|_| Malformed::Bad(field))?;
    if cidr == cidr.trunc() { Ok(cidr) } else { Err(Malformed::Bad(field)) }
}

/// The stored form of an address block.
pub fn wire_cidr(cidr: IpNet) -> wire::Cidr {
    wire::Cidr { network: Some(wire_address(cidr.network())), prefix_length: cidr.prefix_len().into() }
}

/// A MAC of 6 bytes.
pub(crate) fn mac(field: &'static str, bytes: &[u8]) -> Result<Mac, Malformed> {
    bytes.try_into().map(Mac).map_err(|_| Malformed::Bad(field))
}

/// What a reader sees of an EIP, by its binding.
pub fn eip_state(binding: Option<Stage>) -> EipState {
    match binding {
        None => EipState::Available,
        Some(Stage::Associating) => EipState::Associating,
        Some(Stage::InUse) => EipState::InUse,
        Some(Stage::Unassociating) => EipState::Unassociating,
    }
}

/// Facts about an EIP.
pub fn eip(from: Option<wire::EipFacts>) -> Result<EipFacts, Malformed> {
    let from = from.ok_or(Malformed::Missing("eip"))?;
    Ok(EipFacts {
        id: id("eip.eip_id", &from.eip_id)?,
        project: text("eip.project", &from.project)?,
        region: text("eip.region", &from.region)?,
        pool: id("eip.pool_id", &from.pool_id)?,
        address: address("eip.address", from.address)?,
        display_name: text("eip.display_name", &from.display_name)?,
    })
}

/// The stored form of facts about an EIP.
pub fn wire_eip(eip: &EipFacts) -> wire::EipFacts {
    wire::EipFacts {
        eip_id: id_bytes(eip.id),
        project: eip.project.to_string(),
        region: eip.region.to_string(),
        pool_id: id_bytes(eip.pool),
        address: Some(wire_address(eip.address)),
        display_name: eip.display_name.to_string(),
    }
}

/// Facts about a HAVIP.
pub fn havip(from: Option<wire::HavipFacts>) -> Result<HavipFacts, Malformed> {
    let from = from.ok_or(Malformed::Missing("havip"))?;
    Ok(HavipFacts {
        id: id("havip.havip_id", &from.havip_id)?,
        project: text("havip.project", &from.project)?,
        region: text("havip.region", &from.region)?,
        vpc: id("havip.vpc_id", &from.vpc_id)?,
        subnet: id("havip.subnet_id", &from.subnet_id)?,
        address: address("havip.address", from.address)?,
        display_name: text("havip.display_name", &from.display_name)?,
    })
}

/// The stored form of facts about a HAVIP.
pub fn wire_havip(havip: &HavipFacts) -> wire::HavipFacts {
    wire::HavipFacts {
        havip_id: id_bytes(havip.id),
        project: havip.project.to_string(),
        region: havip.region.to_string(),
        vpc_id: id_bytes(havip.vpc),
        subnet_id: id_bytes(havip.subnet),
        address: Some(wire_address(havip.address)),
        display_name: havip.display_name.to_string(),
    }
}

/// A vNIC.
pub fn vnic(from: wire::Vnic) -> Result<VnicFacts, Malformed> {
    Ok(VnicFacts {
        id: id("vnic.vnic_id", &from.vnic_id)?,
        mac: mac("vnic.mac", &from.mac)?,
        address: address("vnic.address", from.address)?,
        instance: text("vnic.instance", &from.instance)?,
    })
}

/// The stored form of a vNIC.
pub fn wire_vnic(vnic: &VnicFacts) -> wire::Vnic {
    wire::Vnic {
        vnic_id: id_bytes(vnic.id),
        mac: Bytes::copy_from_slice(&vnic.mac.0),
        address: Some(wire_address(vnic.address)),
        instance: vnic.instance.to_string(),
    }
}

/// A claim.
pub fn claim(from: Option<wire::Claim>) -> Result<ClaimFacts, Malformed> {
    let from = from.ok_or(Malformed::Missing("claim"))?;
    Ok(ClaimFacts {
        gateway: text("claim.gateway", &from.gateway)?,
        number: from.number,
        mac: mac("claim.mac", &from.mac)?,
        observed_at: Timestamp(from.observed_at),
    })
}

/// The stored form of a claim.
pub fn wire_claim(claim: &ClaimFacts) -> wire::Claim {
    wire::Claim {
        gateway: claim.gateway.to_string(),
        number: claim.number,
        mac: Bytes::copy_from_slice(&claim.mac.0),
        observed_at: claim.observed_at.0,
    }
}

/// The facts of a binding from its three parts.
pub fn binding(
    binding_id: &[u8],
    from_eip: Option<wire::EipFacts>,
    from_havip: Option<wire::HavipFacts>,
) -> Result<BindingFacts, Malformed> {
    Ok(BindingFacts {
        binding: id("binding_id", binding_id)?,
        eip: eip(from_eip)?,
        havip: havip(from_havip)?,
    })
}
