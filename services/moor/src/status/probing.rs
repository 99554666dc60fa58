//! What `moor status` says of holders that a gateway asks.

use std::time::Duration;

use mooring_proto::dataplane::v1::{Probing, VpcStatus};

/// Holders that answer no more, which is nothing that a kernel could mend; and where they are too many to be asked in time.
pub fn probing(vpc: &VpcStatus) -> Vec<String> {
    let Some(Probing { holders, silent, every, every_at_best, .. }) = vpc.probing else { return Vec::new() };
    let (name, mut lines) = (&vpc.display_name, Vec::new());
    if silent > 0 {
        lines.push(format!(
            "VPC {name}: {silent} of {holders} holders asked here answer no more: `moor holders`"
        ));
    }
    if holders > 0 && every > every_at_best {
        let (every, at_best) = (seconds(every), seconds(every_at_best));
        lines.push(format!(
            "VPC {name}: {holders} holders are asked every {every}, not every {at_best}: this gateway may ask no more in a second"
        ));
    }
    lines
}

fn seconds(nanos: u64) -> String {
    format!("{:.1} s", Duration::from_nanos(nanos).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(probing: Probing) -> Vec<String> {
        probing_of(Some(probing))
    }

    fn probing_of(probing: Option<Probing>) -> Vec<String> {
        super::probing(&VpcStatus { display_name: "blue".to_owned(), probing, ..VpcStatus::default() })
    }

    #[test]
    fn who_is_silent_and_an_interval_that_had_to_be_stretched_are_told() {
        let well = Probing { holders: 12, silent: 0, every: 1 << 30, every_at_best: 1 << 30, sent: 7 };
        assert_eq!(said(well), [""; 0]);
        assert_eq!(probing_of(None), [""; 0]);
        let silent = Probing { silent: 2, ..well };
        assert_eq!(said(silent), ["VPC blue: 2 of 12 holders asked here answer no more: `moor holders`"]);
        let many = Probing { holders: 1500, every: 1_600_000_000, every_at_best: 1_000_000_000, ..well };
        let line = "VPC blue: 1500 holders are asked every 1.6 s, not every 1.0 s: this gateway may ask no more in a second";
        assert_eq!(said(many), [line]);
        assert_eq!(said(Probing { holders: 0, ..many }), [""; 0], "others' are");
    }
}
