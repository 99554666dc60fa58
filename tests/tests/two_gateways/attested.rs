//! Gateways say by a hash what they put into their kernels: those that carry the same say the same, and one that does not
//! is found with the element that it lacks. What somebody changed while binding was down is recorded later.

use anyhow::Result;
use mooring_tests::{Cluster, Part, lab::Pair, server::Answer, wait_for};
use serde_json::Value;

use crate::{
    lanes::PATIENT,
    stage::{EIP, Stage, cluster},
};

/// `moor status` of the first gateway, with the second one asked, too.
fn status(cluster: &Cluster, more: &str) -> Result<Answer> {
    cluster.moor(&format!("status --gateway http://{} {more}", cluster.part(Part::Gateway(1)).address()))
}

/// What `moor status` compared at the position that both gateways reported last.
fn compared(answer: &Answer) -> Option<Value> {
    let status: Value = serde_json::from_str(&answer.out).ok()?;
    let compared = status["compared"].as_array()?.iter();
    let both = |one: &&Value| {
        let said =
            one["said"].as_array().map(|said| said.iter().filter(|who| who["gateway"].is_string()).count());
        said == Some(2)
    };
    compared.filter(both).max_by_key(|one| one["position"].as_u64()).cloned()
}

#[test]
fn two_gateways_that_carry_the_same_say_the_same_and_so_do_their_folds() {
    let stage = Stage::carrying().unwrap();
    for line in ["unbind web", "bind web front --wait"] {
        stage.cluster.ask(line).unwrap();
    }
    let one = wait_for("both gateways and their folds to agree", PATIENT, || {
        let answer = status(&stage.cluster, "-o json").map_err(|error| format!("{error:#}"))?;
        let one = compared(&answer).filter(|one| one["said"].as_array().is_some_and(|said| said.len() == 4));
        one.filter(|_| answer.exit == 0).ok_or_else(|| format!("{answer:?}"))
    })
    .unwrap();
    assert_eq!(one["agree"], true, "{one:#}");
    let text = status(&stage.cluster, "").unwrap();
    eprintln!("{}", text.out);
    assert!(text.out.contains("gw-1, gw-2, the fold of gw-1, the fold of gw-2 agree"), "{text:?}");
}

#[test]
fn a_gateway_that_left_an_element_out_is_found_by_its_hash_and_the_element_is_named() {
    let pair = Pair::new().unwrap();
    let mut cluster = cluster(&pair, 2).unwrap();
    let plant = ("MOORING_PLANT".to_owned(), "dataplane.leaves-an-element-out".to_owned());
    cluster.part_mut(Part::Gateway(1)).environment().push(plant);
    cluster.launch().unwrap();
    cluster.stock().unwrap();
    cluster.ask("bind web front --wait").unwrap();
    let element = format!("eip_to_havip {EIP} : 10.0.1.50");
    // Who asks one gateway alone hears that the other differs; who asks both, in what.
    let differs = [
        ("", vec!["hashes differ at position".to_owned()]),
        (
            "both",
            vec![
                format!("VPC blue: {element} is at gw-1 and not at gw-2"),
                format!("gateway gw-2: VPC blue: {element} is missing"),
            ],
        ),
    ];
    for (asked, words) in differs {
        wait_for(&format!("`moor status` to say {words:?}"), PATIENT, || {
            let answer = if asked.is_empty() { cluster.moor("status") } else { status(&cluster, "") };
            let answer = answer.map_err(|error| format!("{error:#}"))?;
            let said = words.iter().all(|word| answer.out.contains(word));
            eprintln!("{}", answer.out);
            if answer.exit == 5 && said { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .unwrap();
    }
}

#[test]
fn what_somebody_changed_while_binding_was_down_is_recorded_later_with_both_times() {
    let mut stage = Stage::carrying().unwrap();
    stage.cluster.part_mut(Part::Binding).kill9().unwrap();
    let router = &stage.pair.gateways[1].namespace;
    router.output(&format!("nft delete element ip mooring eip_to_havip {{ {EIP} }}")).unwrap();
    stage.wait_translated(1, EIP, Some(mooring_tests::lab::HAVIP)).unwrap();
    stage.cluster.part_mut(Part::Binding).restart().unwrap();
    let drift = wait_for("the drift to be recorded", PATIENT, || {
        let log = stage.cluster.moor("log -o json").map_err(|error| format!("{error:#}"))?;
        let commits = log.out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut drifts: Vec<_> =
            commits.filter(|commit| !commit["events"][0]["gateway_drift_found"].is_null()).collect();
        if drifts.len() == 1 { Ok(drifts.remove(0)) } else { Err(format!("{drifts:?}")) }
    })
    .unwrap();
    let event = &drift["events"][0]["gateway_drift_found"];
    assert_eq!(
        (event["gateway"].as_str(), event["differing"].as_u64()),
        (Some("gw-2"), Some(1)),
        "{drift:#}"
    );
    assert_eq!(drift["actor"], "gateway/gw-2");
    // RFC 3339 in UTC, to the nanosecond: compared as text.
    let time = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
    let (found, mended, recorded) =
        (time(&event["found_at"]), time(&event["mended_at"]), time(&drift["recorded_at"]));
    assert!(!found.is_empty() && found <= mended && mended < recorded, "{drift:#}");
    assert_eq!(time(&drift["observed_at"]), found);
}
