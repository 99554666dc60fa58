//! What somebody changed behind the gateway's back is in the record, with what was found: the log says it, a replay has it.

use anyhow::{Result, ensure};
use mooring_tests::{Namespace, wait_for};
use serde_json::{Value, json};

use crate::stage::{PATIENT, Stage, content, wait_content};

/// What somebody does, and what is recorded of it.
type Tampering = (&'static str, fn(&Namespace) -> Result<()>, fn(&Value) -> bool);

const TAMPERINGS: &[Tampering] = &[
    (
        "an element deleted",
        |at| nft(at, "delete element ip mooring eip_to_havip { 203.0.113.70 }"),
        |drift| {
            has(
                drift,
                &json!({"set": "eip_to_havip", "address": "203.0.113.70", "to": "10.0.1.50"}),
                "MISSING",
                None,
            )
        },
    ),
    (
        "a foreign element added",
        |at| nft(at, "add element ip mooring eip_to_havip { 203.0.113.71 : 10.0.1.60 }"),
        |drift| {
            has(
                drift,
                &json!({"set": "eip_to_havip", "address": "203.0.113.71", "to": "10.0.1.60"}),
                "FOREIGN",
                None,
            )
        },
    ),
    (
        "a neighbour changed",
        |at| at.ip("neigh replace 10.0.1.50 lladdr 02:00:00:00:01:0c dev in0 nud permanent protocol 77"),
        |drift| {
            let neighbour = |mac: &str| json!({"set": "neighbours", "address": "10.0.1.50", "mac": mac});
            let found = neighbour("02:00:00:00:01:0c");
            has(drift, &neighbour("02:00:00:00:01:0a"), "CHANGED", Some(&found))
        },
    ),
    (
        "a rule added",
        |at| nft(at, "insert rule ip mooring prerouting accept"),
        |drift| drift["rules"] == true,
    ),
];

pub fn nft(at: &Namespace, commands: &str) -> Result<()> {
    let done = at.command("nft").arg(commands).output()?;
    ensure!(done.status.success(), "nft {commands}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Whether the drift has this element, and only it.
fn has(drift: &Value, element: &Value, what: &str, found: Option<&Value>) -> bool {
    let one = &drift["differences"][0];
    let is = |of: &Value, wanted: &Value| {
        let fields = wanted.as_object().map(|wanted| wanted.iter().all(|(key, value)| of[key] == *value));
        fields == Some(true)
    };
    drift["differing"] == 1
        && drift["rules"] == false
        && is(&one["element"], element)
        && one["what"] == what
        && found.map_or(one["found"].is_null(), |found| is(&one["found"], found))
}

pub fn drifts(stage: &Stage) -> Result<Vec<Value>> {
    let events = stage.server.events()?.into_iter();
    Ok(events.filter(|(kind, _)| kind == "gateway_drift_found").map(|(_, fields)| fields).collect())
}

/// Tries everything, and sees that it is mended and recorded.
pub fn each_is_recorded(stage: &Stage) {
    let gateway = &stage.lab.gateway;
    let wanted = content(gateway).unwrap();
    for (index, (what, tamper, recorded)) in TAMPERINGS.iter().enumerate() {
        tamper(gateway).unwrap();
        wait_content(gateway, &wanted).unwrap();
        let all = wait_for(&format!("{what} to be recorded"), PATIENT, || {
            let all = drifts(stage).map_err(|error| format!("{error:#}"))?;
            if all.len() > index { Ok(all) } else { Err(format!("{all:?}")) }
        })
        .unwrap();
        assert_eq!(all.len(), index + 1, "{what}: {all:?}");
        assert!(recorded(&all[index]), "{what}: {:#}", all[index]);
        assert_eq!(
            (&all[index]["gateway"], &all[index]["project"]),
            (&json!("gw-1"), &json!("p1")),
            "{what}"
        );
    }
}

#[test]
fn each_change_is_recorded_once_with_what_was_found_and_a_replay_has_it() {
    let stage = Stage::carrying().unwrap();
    each_is_recorded(&stage);
    stage.wait_agree().unwrap();
    let count = TAMPERINGS.len();
    let status = stage.server.moor("status").unwrap();
    assert!(status.out.contains(&format!("{count} drifts, the last recorded at ")), "{status:?}");
    let log = stage.server.moor("log").unwrap().out;
    eprintln!("{}\n{log}", status.out);
    let said = "eip_to_havip 203.0.113.70 : 10.0.1.50 is missing";
    assert!(
        log.lines()
            .any(|line| line.contains("gw-1 found its kernel of VPC blue changed") && line.contains(said))
    );
    let replay = format!("replay {} --at end", stage.server.data().display());
    let past = stage.server.ask(&replay).unwrap();
    assert_eq!(past["gateways"][0]["drifts"], count, "{past:#}");
}

/// Its own changes, and a kernel that was emptied with its gateway, are nobody's doing.
#[test]
fn what_the_gateway_changes_itself_is_not_recorded() {
    let stage = Stage::carrying().unwrap();
    for _ in 0..3 {
        stage.server.ask("unbind web").unwrap();
        stage.server.ask("bind web front --wait").unwrap();
    }
    stage.wait_agree().unwrap();
    assert_eq!(drifts(&stage).unwrap(), Vec::<Value>::new());
}
