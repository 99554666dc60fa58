//! `moor replay --as nft`: what a VPC's kernel should have had, as text that the nft command loads.

use mooring_dataplane::nft;
use serde_json::json;

use super::{Past, sentence, vpc::Chosen};
use crate::{failure::Failure, invocation::Invocation};

/// Prints it.
pub fn run(moor: &Invocation, past: &Past, chosen: &Chosen) -> Result<(), Failure> {
    let vpc = chosen.of(past)?;
    let rules = nft(&vpc.place, &vpc.wanted());
    let head = format!("# VPC {} at {}", vpc.desired.display_name, sentence(&past.moment));
    let value = json!({"vpc": vpc.name, "nft": rules});
    moor.output.say(&format!("{head}\n{}", rules.trim_end()), &value)
}
