//! The state that is asked for at a position is the one that was recorded there.

use std::collections::BTreeSet;

use mooring_domain::{
    binding::Phase,
    id,
    name::{Name, ProjectId},
    resource::Facts,
};
use mooring_past::{Folded, Moment, fold_folder, kernels_at};
use mooring_tests::history::{States, life::Photo};
use serde_json::Value;

use super::Stored;
use crate::given::told;

/// So many photos are asked for through `moor`.
const SAMPLE: usize = 2;

/// Every other photo, by its position.
pub fn by_position(stored: &Stored) {
    for photo in stored.life.photos.iter().step_by(2).chain([&stored.life.end]) {
        check_fold(stored, photo, Moment::Record(photo.position));
    }
}

/// The others, by their time: no two records are of the same.
pub fn by_time(stored: &Stored) {
    for photo in stored.life.photos.iter().skip(1).step_by(2) {
        check_fold(stored, photo, Moment::Time(photo.recorded_at));
    }
}

fn check_fold(stored: &Stored, photo: &Photo, moment: Moment) {
    let (folder, at) = (stored.log_folder(), photo.position);
    let Folded { resource, binding, holder, desired, last } = fold_folder(&folder, moment).unwrap();
    assert_eq!(last.unwrap().at.position, at, "asked for {moment:?}");
    assert!(resource == photo.states.resource, "what existed at {at}");
    assert!(binding == photo.states.binding, "what fronted what at {at}");
    assert!(holder == photo.states.holder, "who held what at {at}");
    assert!(desired == photo.states.desired, "what kernels should have had at {at}");
    assert!(kernels_at(&folder, moment).unwrap().desired == desired, "what gateways fold at {at}");
}

/// What a list says, by some of its fields.
fn said(past: &Value, list: &str, fields: &[&str]) -> BTreeSet<Vec<String>> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let row = |thing: &Value| fields.iter().map(|field| text(&thing[field])).collect();
    past[list].as_array().unwrap().iter().map(row).collect()
}

pub fn of_moor(stored: &Stored) {
    let photos = &stored.life.photos;
    let sample = photos.iter().step_by(photos.len() / SAMPLE + 1).chain([&stored.life.end]);
    for (photo, project) in sample.zip(["shop", "bank"].iter().cycle()) {
        let (place, at) = (stored.data.display(), photo.position);
        let past = told(&format!("replay file:{place} --at {at} --project {project}"));
        check(&past, photo, &project.parse().unwrap());
    }
}

/// Read off the cores' states, with nothing of what answers questions about the past.
fn check(past: &Value, photo: &Photo, project: &ProjectId) {
    let (at, states) = (photo.position, &photo.states);
    assert_eq!(past["position"].as_u64(), Some(at.0));
    let bindings: BTreeSet<_> = states
        .binding
        .iter()
        .filter(|binding| binding.request.project == *project)
        .map(|binding| {
            let state = match binding.phase {
                Phase::Associating => "ASSOCIATING",
                Phase::InUse(_) => "IN_USE",
                Phase::Unassociating(_) => "UNASSOCIATING",
                Phase::Failed { .. } => "FAILED",
            };
            row([&binding.name(), &binding.eip(), &state])
        })
        .collect();
    assert_eq!(said(past, "bindings", &["name", "eip", "state"]), bindings, "bindings at {at}");
    let havips: BTreeSet<_> = states
        .resource
        .havips()
        .iter()
        .filter(|entry| entry.facts.havip.project == *project)
        .map(|entry| {
            let facts = &entry.facts;
            row([&facts.name(), &facts.havip.address, &facts.havip.display_name])
        })
        .collect();
    assert_eq!(said(past, "havips", &["name", "address", "display_name"]), havips, "HAVIPs at {at}");
    let eips: BTreeSet<_> = states
        .resource
        .eips()
        .iter()
        .filter(|entry| entry.facts.eip.project == *project)
        .map(|entry| {
            let eip = &entry.facts.eip;
            row([&entry.facts.name(), &eip.address, &eip.display_name])
        })
        .collect();
    assert_eq!(said(past, "eips", &["name", "address", "display_name"]), eips, "EIPs at {at}");
    let held: BTreeSet<_> = states
        .resource
        .havips()
        .iter()
        .filter(|entry| entry.facts.havip.project == *project)
        .map(|entry| {
            let holding = states.holder.get(entry.facts.havip.id).and_then(|havip| havip.holding.as_ref());
            let mac = holding.map(|holding| holding.vnic.mac.to_string()).unwrap_or_default();
            row([&entry.facts.name(), &entry.facts.havip.address, &mac])
        })
        .collect();
    assert_eq!(said(past, "holders", &["havip", "address", "mac"]), held, "holders at {at}");
    let elements = elements(states, project);
    assert_eq!(said(past, "nat", &["vpc", "eip", "havip"]), elements, "NAT table at {at}");
    assert!(!elements.is_empty() && !bindings.is_empty() && !held.is_empty(), "nothing is there at {at}");
}

/// What kernels should have had of a project's bindings, by VPC.
fn elements(states: &States, project: &ProjectId) -> BTreeSet<Vec<String>> {
    let vpcs = states.desired.vpcs.iter().filter(|(_, desired)| desired.project == *project);
    let rows = vpcs.flat_map(|(vpc, desired)| {
        let scope = states.resource.vpcs().get(*vpc).unwrap().facts.parent();
        let vpc = Name::<id::Vpc> { scope, id: *vpc }.to_string();
        desired.nat.iter().map(move |(eip, havip)| row([&vpc, eip, havip]))
    });
    rows.collect()
}

fn row(fields: [&dyn ToString; 3]) -> Vec<String> {
    fields.map(ToString::to_string).to_vec()
}
