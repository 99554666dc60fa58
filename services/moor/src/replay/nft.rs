//! `moor replay --as nft`: what a VPC's kernel should have had, as text that the nft command loads.

use mooring_dataplane::nft;
use mooring_domain::resource::Facts;
use mooring_past::Folded;
use serde_json::json;

use super::{sentence, vpc::Chosen};
use crate::{failure::Failure, invocation::Invocation};

/// Prints it.
pub fn run(moor: &Invocation, folded: &Folded, chosen: &Chosen) -> Result<(), Failure> {
    let past = chosen.of(folded, moor)?;
    let rules = nft(&past.place, &past.wanted());
    let head = format!("# VPC {} at {}", past.vpc.display_name, sentence(&folded.moment()));
    let value = json!({"vpc": past.vpc.name(), "nft": rules});
    moor.output.say(&format!("{head}\n{}", rules.trim_end()), &value)
}
