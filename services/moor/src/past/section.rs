//! What there was, as sections of things, one for each kind: as tables for people, as JSON for programs, and comparable.

use mooring_proto::{
    binding::v1::Binding,
    dataplane::v1::{GatewayStanding, NatElement, Thing, thing::Kind},
    health::v1::Holder,
    resource::v1 as api,
};
use serde_json::Value;

use crate::{binding, failure::Failure, json, labels::Labels, output::Row, resolve::last_part, table};

/// All things of one kind.
pub struct Section {
    /// What stands over the table.
    pub heading: &'static str,
    /// Its key in JSON.
    pub key: &'static str,
    columns: Vec<&'static str>,
    things: Vec<Shown>,
}

/// One thing, as it is shown.
pub struct Shown {
    /// The word for its kind.
    pub word: &'static str,
    /// Its kind's key in JSON.
    pub key: &'static str,
    /// What it is known by, among its kind, for all time.
    pub name: String,
    /// What people know it by.
    pub label: String,
    /// What of it one wants to know first; may be empty.
    pub brief: String,
    /// All of it.
    pub value: Value,
    cells: Vec<String>,
}

/// Which gateway has applied a binding is in no log.
const GATEWAYS: (&str, &str) = ("GATEWAYS", "gateways");

/// Everything, kind by kind; a kind of which there is nothing is there, too.
pub fn sections(things: &[Thing]) -> Result<Vec<Section>, Failure> {
    let without_gateways = Binding::COLUMNS.iter().copied().filter(|column| *column != GATEWAYS.0).collect();
    let kinds = [
        ("pools", "pools", api::Pool::COLUMNS.to_vec()),
        ("VPCs", "vpcs", api::Vpc::COLUMNS.to_vec()),
        ("subnets", "subnets", api::Subnet::COLUMNS.to_vec()),
        ("vNICs", "vnics", api::Vnic::COLUMNS.to_vec()),
        ("HAVIPs", "havips", api::Havip::COLUMNS.to_vec()),
        ("EIPs", "eips", api::Eip::COLUMNS.to_vec()),
        ("bindings", "bindings", without_gateways),
        ("holders", "holders", Holder::COLUMNS.to_vec()),
        ("gateways", "gateways", vec!["NAME", "STATE", "POSITION", "DRIFTS"]),
        ("NAT table", "nat", vec!["VPC", "EIP", "HAVIP"]),
    ];
    let labels = labels(things.iter());
    let mut sections =
        kinds.map(|(heading, key, columns)| Section { heading, key, columns, things: Vec::new() });
    for thing in things {
        let shown = shown(thing, &labels)?;
        if let Some(section) = sections.iter_mut().find(|section| section.key == shown.key) {
            section.things.push(shown);
        }
    }
    Ok(sections.into())
}

/// The display names of all that these things are and mention.
pub fn labels<'a>(things: impl Iterator<Item = &'a Thing>) -> Labels {
    let names = things.flat_map(|thing| &thing.display_names);
    Labels::known(names.map(|(name, label)| (name.clone(), label.clone())))
}

/// How a thing is shown.
pub fn shown(thing: &Thing, labels: &Labels) -> Result<Shown, Failure> {
    match &thing.kind {
        Some(Kind::Pool(pool)) => {
            row("pool", "pools", pool, labels, (&pool.name, &pool.display_name, &pool.cidrs.join(" ")))
        }
        Some(Kind::Vpc(vpc)) => row("VPC", "vpcs", vpc, labels, (&vpc.name, &vpc.display_name, "")),
        Some(Kind::Subnet(subnet)) => {
            row("subnet", "subnets", subnet, labels, (&subnet.name, &subnet.display_name, &subnet.cidr))
        }
        Some(Kind::Vnic(vnic)) => {
            let brief = format!("{} {}", vnic.mac, vnic.address);
            row("vNIC", "vnics", vnic, labels, (&vnic.name, &vnic.instance, &brief))
        }
        Some(Kind::Havip(havip)) => {
            row("HAVIP", "havips", havip, labels, (&havip.name, &havip.display_name, &havip.address))
        }
        Some(Kind::Eip(eip)) => {
            let brief = if eip.display_name == eip.address { "" } else { eip.address.as_str() };
            row("EIP", "eips", eip, labels, (&eip.name, &eip.display_name, brief))
        }
        Some(Kind::Binding(of)) => {
            let label = format!("{} → {}", labels.of(&of.eip), labels.of(&of.havip));
            let mut shown = row("binding", "bindings", of, labels, (&of.name, &label, binding::state(of)))?;
            shown.without_gateways();
            Ok(shown)
        }
        Some(Kind::Holder(holder)) => {
            let label = format!("of {}", labels.of(&holder.havip));
            row("holder", "holders", holder, labels, (&holder.havip, &label, &holder.instance))
        }
        Some(Kind::Gateway(gateway)) => gateway_shown(gateway),
        Some(Kind::NatElement(element)) => element_shown(element, labels),
        None => Err(Failure::bad_answer("a thing of a kind that this moor does not know")),
    }
}

fn row<R: Row>(
    word: &'static str,
    key: &'static str,
    row: &R,
    labels: &Labels,
    (name, label, brief): (&str, &str, &str),
) -> Result<Shown, Failure> {
    let (value, cells) = (json::of(R::PROTO, row)?, row.cells(labels));
    let (name, label, brief) = (name.to_owned(), label.to_owned(), brief.to_owned());
    Ok(Shown { word, key, name, label, brief, value, cells })
}

fn gateway_shown(gateway: &GatewayStanding) -> Result<Shown, Failure> {
    let state = if gateway.registered { "registered" } else { "decommissioned" };
    let label = last_part(&gateway.name).to_owned();
    Ok(Shown {
        word: "gateway",
        key: "gateways",
        name: gateway.name.clone(),
        brief: state.to_owned(),
        value: json::of("mooring.dataplane.v1.GatewayStanding", gateway)?,
        cells: vec![label.clone(), state.to_owned(), gateway.position.to_string(), drifts(gateway)],
        label,
    })
}

/// How often somebody had changed its kernels, and where the last time is recorded.
fn drifts(gateway: &GatewayStanding) -> String {
    match gateway.drifts {
        0 => "0".to_owned(),
        count => format!("{count}, the last at {}", gateway.last_drift_position),
    }
}

fn element_shown(element: &NatElement, labels: &Labels) -> Result<Shown, Failure> {
    let NatElement { vpc, eip, havip } = element;
    let label = labels.of(vpc);
    Ok(Shown {
        word: "NAT element",
        key: "nat",
        name: eip.clone(),
        label: format!("{eip} → {havip}"),
        brief: format!("in VPC {label}"),
        value: json::of("mooring.dataplane.v1.NatElement", element)?,
        cells: vec![label, eip.clone(), havip.clone()],
    })
}

impl Shown {
    /// Takes the gateways of a binding away.
    fn without_gateways(&mut self) {
        let at = Binding::COLUMNS.iter().position(|column| *column == GATEWAYS.0);
        if let Some(at) = at.filter(|at| *at < self.cells.len()) {
            self.cells.remove(at);
        }
        if let Some(fields) = self.value.as_object_mut() {
            fields.remove(GATEWAYS.1);
        }
    }
}

impl Section {
    /// The heading and the table below it; nothing when there is nothing.
    pub fn text(&self) -> Option<String> {
        let rows: Vec<_> = self.things.iter().map(|thing| thing.cells.clone()).collect();
        let heading = self.heading;
        (!rows.is_empty()).then(|| format!("{heading}:\n{}", table::of_rows(&self.columns, &rows)))
    }

    /// Everything in it.
    pub fn json(&self) -> Value {
        self.things.iter().map(|thing| thing.value.clone()).collect()
    }
}
