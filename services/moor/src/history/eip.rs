//! Sentences about what a project says about its EIPs.

use mooring_proto::event::v1::{EipDetails, EipUpdated};

use super::eip_name;

/// Everything after the change: what it was before is in an earlier event.
pub(super) fn updated(updated: &EipUpdated) -> String {
    let EipDetails { description, labels, delete_protection } = updated.details.clone().unwrap_or_default();
    let mut all = Vec::new();
    if !description.is_empty() {
        all.push(format!("description {description:?}"));
    }
    if !labels.is_empty() {
        let labels: Vec<_> = labels.iter().map(|label| format!("{}={}", label.key, label.value)).collect();
        all.push(format!("labels {}", labels.join(",")));
    }
    if delete_protection {
        all.push("protected from release".to_owned());
    }
    let all = if all.is_empty() { "nothing more".to_owned() } else { all.join("; ") };
    format!("EIP {} updated: {all}", eip_name(updated.eip.as_ref()))
}
