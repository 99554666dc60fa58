//! What a project says about its things, between the wire and the domain.

use std::collections::BTreeMap;

use mooring_domain::{
    event::{EipDescribed, EipDetails},
    labels::Labels,
};

use super::{Malformed, eip, text, wire_eip};
use crate::event::v1 as wire;

/// Stored labels.
pub fn labels(from: Vec<wire::Label>) -> Result<Labels, Malformed> {
    let pairs = from.into_iter().map(|label| (label.key, label.value));
    Labels::new(pairs).map_err(|_| Malformed::Bad("labels"))
}

/// The stored form of labels.
pub fn wire_labels(labels: &Labels) -> Vec<wire::Label> {
    let pairs = labels.iter();
    pairs.map(|(key, value)| wire::Label { key: key.to_owned(), value: value.to_owned() }).collect()
}

/// The API's form of labels.
pub fn label_map(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// An EIP with what its project says about it.
pub fn eip_described(
    facts: Option<wire::EipFacts>,
    details: Option<wire::EipDetails>,
) -> Result<EipDescribed, Malformed> {
    let wire::EipDetails { description, labels: from, delete_protection } = details.unwrap_or_default();
    let description = text("description", &description)?;
    let details = EipDetails { description, labels: labels(from)?, delete_protection };
    Ok(EipDescribed { eip: eip(facts)?, details })
}

/// The stored form of both. Of details that say nothing there is none.
pub fn wire_eip_described(of: &EipDescribed) -> (Option<wire::EipFacts>, Option<wire::EipDetails>) {
    let details = (of.details != EipDetails::default()).then(|| wire::EipDetails {
        description: of.details.description.to_string(),
        labels: wire_labels(&of.details.labels),
        delete_protection: of.details.delete_protection,
    });
    (Some(wire_eip(&of.eip)), details)
}
