//! The folded state as sections of things, one for each kind: as tables for people, as JSON for programs, and comparable.

use mooring_domain::{
    id,
    name::{Name, ProjectId, Scope},
    resource::{Entry, Facts, Table},
};
use mooring_past::Folded;
use mooring_proto::answer;
use serde_json::{Value, json};

use crate::{binding::state, failure::Failure, json, labels::Labels, output::Row, resolve::last_part, table};

/// All things of one kind, in the order of their ids.
pub struct Section {
    /// The word for one.
    pub word: &'static str,
    /// What stands over the table.
    pub heading: String,
    /// Its key in JSON.
    pub key: &'static str,
    pub things: Vec<Thing>,
    columns: Vec<&'static str>,
}

/// One of them.
pub struct Thing {
    /// What it is known by, in this section, for all time.
    pub name: String,
    /// What people know it by.
    pub label: String,
    /// What of it one wants to know first; may be empty.
    pub brief: String,
    /// All of it.
    pub value: Value,
    cells: Vec<String>,
}

/// How a thing is called.
struct Called {
    name: String,
    label: String,
    brief: String,
}

impl Called {
    fn new(name: impl Into<String>, label: impl Into<String>, brief: impl Into<String>) -> Self {
        Self { name: name.into(), label: label.into(), brief: brief.into() }
    }
}

/// Everything that is one project's, or anybody's. Pools and gateways are the region's, and always there.
pub fn sections(folded: &Folded, project: Option<&ProjectId>) -> Result<Vec<Section>, Failure> {
    let labels = labels(folded);
    let of = |scope: &Scope| project.is_none_or(|project| scope.project == *project);
    let mut all = resources(folded, &labels, of)?;
    all.push(bindings(folded, &labels, of)?);
    all.push(holders(folded, &labels, of)?);
    all.push(gateways(folded));
    all.push(nat(folded, of));
    Ok(all)
}

/// The display names of all that exists.
pub fn labels(folded: &Folded) -> Labels {
    fn of<F: Facts>(table: &Table<F>) -> impl Iterator<Item = (String, String)> {
        table.iter().map(|entry| (entry.facts.name(), entry.facts.label().to_string()))
    }
    let state = &folded.resource;
    let of_region = of(state.pools()).chain(of(state.vpcs())).chain(of(state.subnets()));
    Labels::known(of_region.chain(of(state.vnics())).chain(of(state.havips())).chain(of(state.eips())))
}

fn resources(folded: &Folded, labels: &Labels, of: impl Fn(&Scope) -> bool) -> Result<Vec<Section>, Failure> {
    let state = &folded.resource;
    let pools = state
        .pools()
        .iter()
        .map(|pool| answer::resource::pool(&pool.facts, pool.at, state.allocated(pool.facts.id)));
    let vpcs = mine(state.vpcs(), &of).map(|vpc| answer::resource::of(vpc, answer::resource::vpc));
    let subnets =
        mine(state.subnets(), &of).map(|subnet| answer::resource::of(subnet, answer::resource::subnet));
    let vnics = mine(state.vnics(), &of).map(|vnic| answer::resource::of(vnic, answer::resource::vnic));
    let havips = mine(state.havips(), &of).map(|havip| {
        answer::resource::havip(&havip.facts, havip.at, state.havip_held_by(havip.facts.havip.id))
    });
    let eips =
        mine(state.eips(), &of).map(|eip| answer::resource::eip(&eip.facts, eip.at, Some(&folded.binding)));
    Ok(vec![
        section("pool", "pools", pools, labels, |pool| {
            Called::new(&pool.name, &pool.display_name, pool.cidrs.join(" "))
        })?,
        section("VPC", "vpcs", vpcs, labels, |vpc| Called::new(&vpc.name, &vpc.display_name, ""))?,
        section("subnet", "subnets", subnets, labels, |subnet| {
            Called::new(&subnet.name, &subnet.display_name, &subnet.cidr)
        })?,
        section("vNIC", "vnics", vnics, labels, |vnic| {
            Called::new(&vnic.name, &vnic.instance, format!("{} {}", vnic.mac, vnic.address))
        })?,
        section("HAVIP", "havips", havips, labels, |havip| {
            Called::new(&havip.name, &havip.display_name, &havip.address)
        })?,
        section("EIP", "eips", eips, labels, |eip| {
            let brief = if eip.display_name == eip.address { "" } else { eip.address.as_str() };
            Called::new(&eip.name, &eip.display_name, brief)
        })?,
    ])
}

/// A project's things, or everybody's.
fn mine<F: Facts<Parent = Scope>>(
    table: &Table<F>,
    of: impl Fn(&Scope) -> bool,
) -> impl Iterator<Item = &Entry<F>> {
    table.iter().filter(move |entry| of(&entry.facts.parent()))
}

fn bindings(folded: &Folded, labels: &Labels, of: impl Fn(&Scope) -> bool) -> Result<Section, Failure> {
    let bindings = folded
        .binding
        .iter()
        .filter(|binding| of(&binding.scope()))
        .map(|binding| answer::binding::binding(binding, Vec::new()));
    let mut section = section("binding", "bindings", bindings, labels, |binding| {
        let pair = format!("{} → {}", labels.of(&binding.eip), labels.of(&binding.havip));
        Called::new(&binding.name, pair, state(binding))
    })?;
    // Which gateway has applied it is in no log.
    section.without("GATEWAYS", "gateways");
    Ok(section)
}

fn holders(folded: &Folded, labels: &Labels, of: impl Fn(&Scope) -> bool) -> Result<Section, Failure> {
    let havips = mine(folded.resource.havips(), of);
    let holders =
        havips.filter_map(|entry| folded.holder.get(entry.facts.havip.id)).map(answer::health::holder);
    section("holder", "holders", holders, labels, |holder| {
        Called::new(&holder.havip, format!("of {}", labels.of(&holder.havip)), &holder.instance)
    })
}

fn gateways(folded: &Folded) -> Section {
    let things = folded.binding.gateways().map(|gateway| {
        let (name, position) = (answer::binding::gateway_name(gateway), gateway.at.position.0);
        let state = if gateway.registered { "registered" } else { "decommissioned" };
        Thing {
            label: last_part(&name).to_owned(),
            brief: state.to_owned(),
            value: json!({"name": name, "registered": gateway.registered, "position": position}),
            cells: vec![last_part(&name).to_owned(), state.to_owned(), position.to_string()],
            name,
        }
    });
    let columns = vec!["NAME", "STATE", "POSITION"];
    Section {
        word: "gateway",
        heading: "gateways".to_owned(),
        key: "gateways",
        things: things.collect(),
        columns,
    }
}

/// What gateways should have had in their kernels, element by element. An EIP is in one VPC at most.
fn nat(folded: &Folded, of: impl Fn(&Scope) -> bool) -> Section {
    let mut things = Vec::new();
    for entry in mine(folded.resource.vpcs(), of) {
        let (vpc, label) = (&entry.facts, entry.facts.display_name.to_string());
        let name = Name::<id::Vpc> { scope: vpc.parent(), id: vpc.id }.to_string();
        let desired = folded.desired.vpcs.get(&vpc.id);
        things.extend(desired.into_iter().flat_map(|desired| &desired.nat).map(|(eip, havip)| {
            let (eip, havip) = (eip.to_string(), havip.to_string());
            Thing {
                name: eip.clone(),
                label: format!("{eip} → {havip}"),
                brief: format!("in VPC {label}"),
                value: json!({"vpc": name, "eip": eip, "havip": havip}),
                cells: vec![label.clone(), eip, havip],
            }
        }));
    }
    let columns = vec!["VPC", "EIP", "HAVIP"];
    Section { word: "NAT element", heading: "NAT table".to_owned(), key: "nat", things, columns }
}

fn section<R: Row>(
    word: &'static str,
    key: &'static str,
    rows: impl Iterator<Item = R>,
    labels: &Labels,
    called: impl Fn(&R) -> Called,
) -> Result<Section, Failure> {
    let thing = |row: R| {
        let Called { name, label, brief } = called(&row);
        Ok(Thing { name, label, brief, value: json::of(R::PROTO, &row)?, cells: row.cells(labels) })
    };
    let things = rows.map(thing).collect::<Result<_, Failure>>()?;
    Ok(Section { word, heading: format!("{word}s"), key, things, columns: R::COLUMNS.to_vec() })
}

impl Section {
    /// Takes a column and a key away.
    fn without(&mut self, column: &str, key: &str) {
        let at = self.columns.iter().position(|found| *found == column);
        self.columns.retain(|found| *found != column);
        for thing in &mut self.things {
            if let Some(at) = at.filter(|at| *at < thing.cells.len()) {
                thing.cells.remove(at);
            }
            if let Some(fields) = thing.value.as_object_mut() {
                fields.remove(key);
            }
        }
    }

    /// The heading and the table below it; nothing when there is nothing.
    pub fn text(&self) -> Option<String> {
        let rows: Vec<_> = self.things.iter().map(|thing| thing.cells.clone()).collect();
        let heading = &self.heading;
        (!rows.is_empty()).then(|| format!("{heading}:\n{}", table::of_rows(&self.columns, &rows)))
    }

    /// Everything in it.
    pub fn json(&self) -> Value {
        self.things.iter().map(|thing| thing.value.clone()).collect()
    }
}
