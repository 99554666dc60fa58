//! What the kernel tells nobody is found all the same: a gateway reads its kernels back on a clock. Here it is deaf to what
//! the kernel tells, so that the clock alone is left.

use mooring_tests::{server::Options, wait_for};

use crate::{
    recorded::{self, drifts, nft},
    stage::{PATIENT, Stage, content},
};

const DELETED: &str = "delete element ip mooring eip_to_havip { 203.0.113.70 }";

/// With a clock that goes round once in so long.
fn every(time: &str) -> Options {
    let wrapper = ["env".to_owned(), format!("MOORING_AUDIT_EVERY={time}")].to_vec();
    Options { wrapper, ..Options::default() }
}

fn deaf(time: &str) -> Options {
    Options { plant: Some("dataplane.deaf".to_owned()), ..every(time) }
}

#[test]
fn what_the_kernel_does_not_tell_is_found_by_the_clock_mended_and_recorded() {
    let stage = Stage::carrying_with(deaf("1s")).unwrap();
    recorded::each_is_recorded(&stage);
    stage.wait_agree().unwrap();
    stage.wait_carried().unwrap();
}

/// That it is the clock which finds it.
#[test]
fn without_the_clock_it_stays_until_somebody_asks() {
    let stage = Stage::carrying_with(deaf("0s")).unwrap();
    let gateway = &stage.lab.gateway;
    let wanted = content(gateway).unwrap();
    nft(gateway, DELETED).unwrap();
    let missing = "eip_to_havip 203.0.113.70 : 10.0.1.50 is missing";
    let status = stage.server.moor("status --verify").unwrap();
    assert!(status.exit == 5 && status.out.contains(missing), "{status:?}");
    // What is attested follows the steps that the gateway took: nothing else looks.
    let status = stage.server.moor("status").unwrap();
    assert_eq!(status.exit, 0, "{status:?}");
    assert_ne!(content(gateway).unwrap(), wanted);
    assert_eq!(drifts(&stage).unwrap(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_kernel_that_nobody_changed_is_read_back_again_and_again_and_nothing_is_recorded() {
    let stage = Stage::carrying_with(every("1s")).unwrap();
    let wanted = content(&stage.lab.gateway).unwrap();
    let read_back = || {
        let status = stage.server.ask("status")?;
        anyhow::Ok(status["status"]["vpcs"][0]["read_back_at"].to_string())
    };
    let mut last = read_back().unwrap();
    for _ in 0..3 {
        last = wait_for("the kernel to be read back", PATIENT, || match read_back() {
            Ok(now) if now != last => Ok(now),
            other => Err(format!("{other:?} after {last}")),
        })
        .unwrap();
    }
    assert_eq!(drifts(&stage).unwrap(), Vec::<serde_json::Value>::new());
    assert_eq!(content(&stage.lab.gateway).unwrap(), wanted);
    stage.wait_agree().unwrap();
}
