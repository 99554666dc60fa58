//! What was found changed is not lost with the gateway that found it: it waits in a file until binding has recorded it.

use mooring_tests::wait_for;
use serde_json::Value;

use crate::{
    recorded::{drifts, nft},
    stage::{PATIENT, Stage, content, wait_content},
};

fn wait_recorded(stage: &Stage, count: usize) -> Vec<Value> {
    wait_for(&format!("{count} drifts to be recorded"), PATIENT, || match drifts(stage) {
        Ok(all) if all.len() >= count => Ok(all),
        other => Err(format!("{other:?}")),
    })
    .unwrap()
}

/// Killed before binding was told, and after binding has recorded it but before the gateway knew.
#[test]
fn a_drift_outlives_the_gateway_that_found_it_and_is_recorded_once() {
    for point in ["drift.after-kept", "drift.after-recorded"] {
        let mut stage = Stage::carrying().unwrap();
        let file = stage.server.data().join("drifts/r1");
        let wanted = content(&stage.lab.gateway).unwrap();
        stage.server.restart(Some(point)).unwrap();
        stage.wait_agree().unwrap();
        nft(&stage.lab.gateway, "delete element ip mooring eip_to_havip { 203.0.113.70 }").unwrap();
        stage.server.wait_ended().unwrap();
        assert!(file.exists(), "{point}");
        stage.server.restart(None).unwrap();
        let all = wait_recorded(&stage, 1);
        assert_eq!(all[0]["differences"][0]["element"]["address"], "203.0.113.70", "{point}: {all:?}");
        wait_for("nothing to wait any more", PATIENT, || {
            if file.exists() { Err("the file is still there".to_owned()) } else { Ok(()) }
        })
        .unwrap();
        // Were the first one to come again, it would come before this.
        nft(&stage.lab.gateway, "add element ip mooring eip_to_havip { 203.0.113.71 : 10.0.1.60 }").unwrap();
        wait_content(&stage.lab.gateway, &wanted).unwrap();
        let all = wait_recorded(&stage, 2);
        assert_eq!(all.len(), 2, "{point}: {all:#?}");
        assert_eq!(all[1]["differences"][0]["element"]["address"], "203.0.113.71", "{point}: {all:?}");
    }
}
