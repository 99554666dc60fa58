//! The log is damaged while the gateway runs: what is folded may not be what was decided, so no kernel is touched (L8).

use std::fs::{self, File};

use mooring_tests::wait_for;

use crate::stage::{PATIENT, SHORT, Stage, generation};

#[test]
fn once_the_log_is_damaged_no_kernel_is_touched() {
    let stage = Stage::carrying().unwrap();
    let gateway = &stage.lab.gateway;
    // Cut off behind the process's back; the next write finds it.
    let segments = stage.server.data().join("log").join("r1").join("segments");
    for entry in fs::read_dir(&segments).unwrap() {
        let path = entry.unwrap().path();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }
    stage.server.refuse("vpc create green").unwrap();
    wait_for("the gateway to say that it follows no more", PATIENT, || {
        match stage.said("following the log has ended; kernels stay as they are") {
            1 => Ok(()),
            times => Err(format!("said {times} times:\n{}", stage.server.log())),
        }
    })
    .unwrap();
    let refusal = stage.server.refuse("status").unwrap();
    assert_eq!(refusal.reason, "LOG_DAMAGED", "{refusal:?}");

    let before = generation(gateway).unwrap();
    gateway.output("nft add element ip mooring eip_to_havip { 203.0.113.71 : 10.0.1.60 }").unwrap();
    gateway.ip("neigh del 10.0.1.50 dev in0").unwrap();
    let touched = wait_for("the kernel to be touched", SHORT, || match generation(gateway) {
        Ok(now) if now == before + 1 => Err(format!("generation {now}")),
        other => Ok(format!("{other:?}")),
    });
    assert!(touched.is_err(), "{touched:?}");
    let neighbours = gateway.output("ip neigh show nud permanent").unwrap();
    assert!(!neighbours.contains("10.0.1.50"), "{neighbours}");
}
