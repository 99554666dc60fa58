//! Sentences about what a project says about its EIPs, and how much it may have.

use mooring_proto::event::v1::{EipDetails, EipUpdated, QuotasChanged};

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

/// All limits, after the change.
pub(super) fn quotas_changed(changed: &QuotasChanged) -> String {
    let QuotasChanged { project, eips, havips_per_vpc, havips_per_instance, members_per_havip, .. } = changed;
    format!(
        "project {project} may have {eips} EIPs, {havips_per_vpc} HAVIPs in a VPC, {members_per_havip} members of a HAVIP, \
         and each instance be a member of {havips_per_instance}"
    )
}
