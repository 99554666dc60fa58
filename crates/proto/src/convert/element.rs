//! Elements of a kernel, and how they differ.

use mooring_domain::{
    address::Mac,
    nat::{Difference, Element},
};

use super::{Malformed, address, cidr, mac, wire_address, wire_cidr};
use crate::event::v1 as wire;

/// An element.
pub fn element(from: wire::Element) -> Result<Element, Malformed> {
    let key = |from| address("address", from);
    let to = |from| address("to", from);
    let block = |from| cidr("cidr", from);
    let held = |bytes: &[u8]| mac("mac", bytes);
    Ok(match &*from.set {
        "subnets" => Element::Subnet(block(from.cidr)?),
        "pools" => Element::Pool(block(from.cidr)?),
        "eip_to_havip" => Element::EipToHavip(key(from.address)?, to(from.to)?),
        "havip_to_eip" => Element::HavipToEip(key(from.address)?, to(from.to)?),
        "havips" => Element::Havip(key(from.address)?),
        "unheld" => Element::Unheld(key(from.address)?),
        "holders" => Element::Holder(key(from.address)?, held(&from.mac)?),
        "neighbours" => Element::Neighbour(key(from.address)?, held(&from.mac)?),
        "routes" => Element::Route(key(from.address)?),
        _ => return Err(Malformed::Bad("set")),
    })
}

/// The stored form of an element.
pub fn wire_element(element: &Element) -> wire::Element {
    let mut to = wire::Element { set: element.set().to_owned(), ..Default::default() };
    let bytes = |mac: &Mac| bytes::Bytes::copy_from_slice(&mac.0);
    match element {
        Element::Subnet(block) | Element::Pool(block) => to.cidr = Some(wire_cidr(*block)),
        Element::EipToHavip(key, other) | Element::HavipToEip(key, other) => {
            (to.address, to.to) = (Some(wire_address(*key)), Some(wire_address(*other)));
        }
        Element::Havip(key) | Element::Unheld(key) | Element::Route(key) => {
            to.address = Some(wire_address(*key));
        }
        Element::Holder(key, mac) | Element::Neighbour(key, mac) => {
            (to.address, to.mac) = (Some(wire_address(*key)), bytes(mac));
        }
    }
    to
}

/// A difference.
pub fn difference(from: wire::Difference) -> Result<Difference, Malformed> {
    let one = element(from.element.ok_or(Malformed::Missing("element"))?)?;
    Ok(match &*from.what {
        "MISSING" => Difference { wanted: Some(one), found: None },
        "FOREIGN" => Difference { wanted: None, found: Some(one) },
        "CHANGED" => {
            let found = element(from.found.ok_or(Malformed::Missing("found"))?)?;
            Difference { wanted: Some(one), found: Some(found) }
        }
        _ => return Err(Malformed::Bad("what")),
    })
}

/// The stored form of a difference.
pub fn wire_difference(difference: &Difference) -> wire::Difference {
    let (element, what, found) = match (difference.wanted, difference.found) {
        (Some(wanted), Some(found)) => (Some(wanted), "CHANGED", Some(found)),
        (Some(wanted), None) => (Some(wanted), "MISSING", None),
        (None, found) => (found, "FOREIGN", None),
    };
    let of = |element: Option<Element>| element.as_ref().map(wire_element);
    wire::Difference { element: of(element), what: what.to_owned(), found: of(found) }
}
