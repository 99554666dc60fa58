//! The bytes of stored events. The golden file has one line for each event: a name and its bytes as hexadecimal digits.
//! Its lines are only ever added: logs hold such bytes for ever, so a line that no longer passes is a broken format and
//! never a line to mend. A new kind, and a field that a kind gains, gets a line of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod events;
mod spoiled;

use std::collections::{BTreeMap, BTreeSet};

use mooring_domain::nat::Change;
use mooring_proto::{
    convert::Malformed,
    stored::{Reader, change, decode, encode},
};

use crate::spoiled::Messages;

const GOLDEN: &str = include_str!("../golden/events.txt");

/// What may be unset, and must be right where it is set.
const OPTIONAL: [&str; 2] = ["BindRequested.moved_from_binding_id", "BindFailed.moved_from_binding_id"];

/// What may be unset, or say anything.
const FREE: [&str; 53] = [
    "QuotasChanged.eips",
    "QuotasChanged.havips_per_vpc",
    "QuotasChanged.havips_per_instance",
    "QuotasChanged.members_per_havip",
    "SubnetCreated.reserved",
    "PoolCreated.cooling",
    "PoolUpdated.cooling",
    "EipReleased.cooling_until",
    "EipAllocated.details",
    "EipUpdated.details",
    "EipDetails.description",
    "EipDetails.labels",
    "EipDetails.delete_protection",
    "Label.value",
    "PoolUpdated.cidrs",
    "PoolUpdated.draining",
    "HavipUpdated.members",
    "HavipUpdated.whole_subnet",
    "HavipUpdated.damping",
    "HavipUpdated.announce",
    "HavipCreated.announce",
    "HolderChanged.lease",
    "LeaseRenewed.renewed_at",
    "LeaseRenewed.lease",
    "HavipCreated.whole_subnet",
    "HavipCreated.damping",
    "Damping.step",
    "Damping.cap",
    "HolderChanged.backoff",
    "HolderContested.backoff_ends_at",
    "HolderSilent.heard_at",
    "HolderHeard.heard_at",
    "ClaimRejected.unrecorded",
    "PoolCreated.cidrs",
    "HavipCreated.members",
    "HolderChanged.previous",
    "ClaimRejected.vnic",
    "BindFailed.reason",
    "BindFailed.message",
    "FailoverMeasured.gateway_started_at",
    "FailoverMeasured.decided_at",
    "FailoverMeasured.applied_at",
    "FailoverMeasured.stored_position",
    "FailoverMeasured.followed_at",
    "Claim.number",
    "Claim.observed_at",
    "GatewayDriftFound.position",
    "GatewayDriftFound.found_at",
    "GatewayDriftFound.mended_at",
    "GatewayDriftFound.rules",
    "GatewayDriftFound.differences",
    "GatewayDriftFound.differing",
    "GatewayDriftFound.unrecorded",
];

/// The golden file's lines: name and bytes.
fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    let pairs: Vec<_> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let map: BTreeMap<_, _> = pairs.iter().map(|(name, hex)| (*name, bytes(hex))).collect();
    assert_eq!(map.len(), pairs.len(), "a name is there twice");
    map
}

fn bytes(hex: &str) -> Vec<u8> {
    assert_eq!(hex.len() % 2, 0, "{hex}");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_event_ever_stored_still_decodes_and_is_still_stored_the_same() {
    let golden = golden();
    let events = events::all();
    let new: Vec<_> = events.iter().filter(|(name, _)| !golden.contains_key(name)).collect();
    let lines: Vec<_> = new.iter().map(|(name, event)| format!("{name} {}", hex(&encode(event)))).collect();
    assert!(lines.is_empty(), "the golden file lacks\n{}", lines.join("\n"));
    for (name, event) in &events {
        assert_eq!(&decode(&golden[name]).unwrap(), event, "{name}: old logs would be misread");
        assert_eq!(hex(&encode(event)), hex(&golden[name]), "{name}");
    }
    let names: BTreeSet<_> = events.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        golden.into_keys().collect::<BTreeSet<_>>(),
        names,
        "a line without an event is not looked at"
    );
}

#[test]
fn every_kind_has_a_line_under_its_name() {
    let kinds = Messages::read().kinds();
    let mut seen = BTreeSet::new();
    for (name, bytes) in golden() {
        let (number, _) = prost::encoding::decode_key(&mut &bytes[..]).unwrap();
        assert_eq!(name.split('/').next().unwrap(), kinds[&number]);
        seen.insert(number);
    }
    assert_eq!(seen, kinds.into_keys().collect());
}

#[test]
fn what_an_event_means_to_kernels_is_read_off_its_bytes_as_off_all_of_it() {
    let mut told = 0;
    for (name, bytes) in golden() {
        let expected = Change::of(&decode(&bytes).unwrap());
        told += usize::from(expected.is_some());
        assert_eq!(change(&bytes).unwrap(), expected, "{name}");
        if expected.is_some() {
            change(&bytes[..bytes.len() - 1]).unwrap_err();
        }
    }
    assert!(told > 8, "{told}");
    assert_eq!(change(&[0xc2, 0x3e, 0x00]), Err(Malformed::UnknownKind(1000)));
    assert_eq!(change(&[]), Err(Malformed::Missing("kind")));
}

/// Whole or spoiled, alone or behind others.
#[test]
fn who_reads_many_events_reads_each_as_who_reads_one() {
    let messages = Messages::read();
    let mut reader = Reader::default();
    for (name, bytes) in golden() {
        assert_eq!(reader.decode(&bytes), decode(&bytes), "{name}");
        let cut = (0..bytes.len()).map(|length| bytes[..length].to_vec());
        let twice = [&bytes[..], &bytes].concat();
        let unknown = [&bytes[..], &[0xc2, 0x3e, 0x00]].concat();
        let spoiled = messages.spoil(&bytes).into_iter().map(|spoiled| spoiled.bytes);
        for bytes in spoiled.chain(cut).chain([twice, unknown]) {
            assert_eq!(reader.decode(&bytes), decode(&bytes), "{name}: {}", hex(&bytes));
        }
    }
}

#[test]
fn an_event_of_a_kind_from_the_future_stops_the_reader() {
    // Field 1000, two bytes long.
    assert_eq!(decode(&[0xc2, 0x3e, 0x02, 0x08, 0x01]), Err(Malformed::UnknownKind(1000)));
    assert_eq!(decode(&[]), Err(Malformed::Missing("kind")));
}

#[test]
fn what_is_cut_off_or_no_text_is_not_decoded() {
    for (name, bytes) in golden() {
        let cut = decode(&bytes[..bytes.len() - 1]);
        assert!(matches!(cut, Err(Malformed::Undecodable(_))), "{name}: {cut:?}");
    }
    // A gateway_registered whose name is the byte 0xff.
    let no_text = decode(&[0xaa, 0x02, 0x03, 0x0a, 0x01, 0xff]);
    assert!(matches!(no_text, Err(Malformed::Undecodable(_))), "{no_text:?}");
}

#[test]
fn a_field_that_is_missing_or_malformed_is_named() {
    let messages = Messages::read();
    let mut seen = BTreeSet::new();
    for (name, bytes) in golden() {
        for spoiled in messages.spoil(&bytes) {
            let decoded = decode(&spoiled.bytes);
            let is_free = FREE.contains(&&*spoiled.place);
            let is_optional = OPTIONAL.contains(&&*spoiled.place);
            let expected = ["missing", "malformed"].map(|what| format!("{} is {what}", spoiled.named));
            match decoded {
                Ok(_) => assert!(is_free || is_optional, "{name}: nobody misses {}", spoiled.place),
                Err(error) => {
                    assert!(!is_free && expected.contains(&error.to_string()), "{}: {error}", spoiled.place)
                }
            }
            seen.insert(spoiled.place);
        }
    }
    assert_eq!(seen, messages.places(), "each field of each message is set in some line");
}
