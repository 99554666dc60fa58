//! `moor gateway drops`: what the gateway that answers has dropped, and why.

use mooring_proto::dataplane::v1::VpcStatus;
use serde_json::{Value, json};

use crate::{failure::Failure, invocation::Invocation, status, table};

/// Prints a line for each VPC and reason, those without a packet too.
pub async fn run(moor: &Invocation) -> Result<(), Failure> {
    let vpcs = status::dataplane(moor, false).await?.vpcs;
    let rows: Vec<_> = vpcs.iter().flat_map(cells).collect();
    let text = match rows.is_empty() {
        true => "no VPC lives on this gateway".to_owned(),
        false => table::of_rows(&["VPC", "REASON", "PACKETS", "MEANING"], &rows),
    };
    moor.output.say(&text, &Value::Array(vpcs.iter().flat_map(objects).collect()))
}

fn cells(vpc: &VpcStatus) -> impl Iterator<Item = Vec<String>> {
    vpc.drops.iter().map(|drop| {
        let meaning = meaning(&drop.reason).to_owned();
        vec![vpc.display_name.clone(), drop.reason.clone(), drop.packets.to_string(), meaning]
    })
}

fn objects(vpc: &VpcStatus) -> impl Iterator<Item = Value> {
    vpc.drops.iter().map(|drop| {
        json!({
            "vpc": vpc.vpc,
            "display_name": vpc.display_name,
            "reason": drop.reason,
            "packets": drop.packets,
            "meaning": meaning(&drop.reason),
        })
    })
}

/// A reason for people. What to do about it is in docs/runbooks.
fn meaning(reason: &str) -> &'static str {
    match reason {
        "private_source" => "to the outside, from a private address that no EIP fronts",
        "private_quoted" => "to the outside, an ICMP error that quotes a private address no EIP fronts",
        "spoofed_source" => "from the outside, with a source address that is ours",
        "private_destination" => "from the outside, straight to a private address",
        "unbound_eip" => "from the outside, to a public address of ours that fronts nothing",
        "hairpin" => "from the inside, to a public address of ours",
        "not_holder" => "from a HAVIP, sent by a MAC that does not hold it",
        "no_holder" => "to a HAVIP that nobody holds",
        _ => "a reason that this moor does not know",
    }
}

#[cfg(test)]
mod tests {
    use mooring_proto::dataplane::v1::DropCount;

    use super::*;

    #[test]
    fn a_vpc_shows_each_reason_with_its_count_and_meaning() {
        let drops = vec![
            DropCount { reason: "not_holder".into(), packets: 149 },
            DropCount { reason: "no_holder".into(), packets: 0 },
        ];
        let vpc = VpcStatus { display_name: "blue".into(), drops, ..VpcStatus::default() };
        let rows: Vec<_> = cells(&vpc).collect();
        assert_eq!(rows[0][..3], ["blue", "not_holder", "149"]);
        assert!(rows[0][3].contains("does not hold it"), "{rows:?}");
        assert_eq!(rows[1][2], "0");
    }
}
