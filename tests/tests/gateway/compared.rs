//! `moor diff A kernel`: what a gateway's kernel has otherwise than it should have had at a moment, element by element, also
//! while somebody is at it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use mooring_tests::{
    Mooringd, Namespace,
    server::{Answer, Options, own_folder},
    wait_for,
};
use serde_json::{Value, json};

use crate::stage::{Stage, place};

/// It is a matter of luck when the kernel is looked at: as a rule soon.
const LUCK: Duration = Duration::from_secs(60);

/// What was printed, whatever the exit code.
fn printed(answer: &Answer) -> Value {
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Every difference of the only VPC of the first gateway: what it is, of which set, and the addresses.
fn differences(printed: &Value) -> Vec<(String, String, String)> {
    let all = printed["gateways"][0]["vpcs"][0]["differences"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let element = |one: &Value| {
        let said = ["address", "to", "mac"].map(|field| text(&one[field]));
        said.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let row = |one: &Value| {
        let found =
            if one["found"].is_null() { String::new() } else { format!(" is {}", element(&one["found"])) };
        (text(&one["what"]), text(&one["element"]["set"]), format!("{}{found}", element(&one["element"])))
    };
    all.iter().map(row).collect()
}

/// Somebody who does not stop.
struct Quarrel {
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Quarrel {
    fn start(at: &Namespace, commands: &'static [&'static str]) -> Self {
        let (at, ended) = (at.clone(), Arc::new(AtomicBool::new(false)));
        let until = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                // What is as they want it already is refused.
                commands.iter().for_each(|command| drop(at.output(command)));
            }
        });
        Self { ended, thread: Some(thread) }
    }
}

impl Drop for Quarrel {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

#[test]
fn a_kernel_is_compared_with_the_newest_moment_and_with_earlier_ones() {
    let stage = Stage::carrying().unwrap();
    let server = &stage.server;
    let now = server.ask("diff kernel").unwrap();
    assert_eq!((&now["agree"], &now["gateways"][0]["agree"]), (&json!(true), &json!(true)), "{now:#}");
    assert_eq!(now["gateways"][0]["gateway"], "regions/r1/gateways/gw-1");
    assert!(now["gateways"][0]["vpcs"][0]["netns"].as_str().unwrap().contains("gateway"), "{now:#}");
    assert_eq!(now, server.ask("diff end kernel").unwrap());
    let text = server.moor("diff kernel").unwrap();
    assert!(text.out.contains("to   the kernels of gateway gw-1, now\n\nnothing differs"), "{}", text.out);

    let log = server.moor("log -o json --kind bound").unwrap();
    let bound: Value = serde_json::from_str(log.out.lines().next().unwrap()).unwrap();
    let before = bound["position"].as_u64().unwrap() - 1;
    let answer = server.moor(&format!("diff {before} kernel -o json")).unwrap();
    let then = printed(&answer);
    assert_eq!((answer.exit, &then["agree"]), (5, &json!(false)), "{answer:?}");
    assert_eq!(then["gateways"][0]["from"]["position"].as_u64(), Some(before));
    let mut all = differences(&then);
    // When it was seen who holds the HAVIP is another matter.
    all.retain(|(_, set, _)| matches!(&**set, "eip_to_havip" | "havip_to_eip" | "routes"));
    let foreign = |set: &str, which: &str| ("FOREIGN".to_owned(), set.to_owned(), which.to_owned());
    let expected = [
        foreign("eip_to_havip", "203.0.113.70 10.0.1.50"),
        foreign("havip_to_eip", "10.0.1.50 203.0.113.70"),
        foreign("routes", "203.0.113.70"),
    ];
    assert_eq!(all, expected, "{then:#}");
    // Another project has no VPC there.
    assert_eq!(server.ask("diff kernel --project p2").unwrap()["gateways"][0]["vpcs"], json!([]));
    // The same gateway by another name stands for a second one.
    let both = server.ask(&format!("diff kernel --gateway http://{}", server.address())).unwrap();
    assert_eq!(both["gateways"].as_array().unwrap().len(), 2, "{both:#}");
}

#[test]
fn what_somebody_changes_is_named_while_they_are_at_it() {
    let stage = Stage::carrying().unwrap();
    let router = &stage.lab.gateway;
    let named = |quarrel: &'static [&'static str], words: &[&str]| {
        let _quarrel = Quarrel::start(router, quarrel);
        wait_for(&format!("{words:?} to be named"), LUCK, || {
            let answer = stage.server.moor("diff kernel").map_err(|error| format!("{error:#}"))?;
            let said: Vec<String> = answer
                .out
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            let all = words
                .iter()
                .all(|word| said.iter().any(|line| line.starts_with("blue ") && line.ends_with(word)));
            if answer.exit == 5 && all { Ok(answer) } else { Err(format!("{answer:?}")) }
        })
        .map(|answer| eprintln!("{}", answer.out))
        .unwrap();
    };
    named(
        &["nft delete element ip mooring eip_to_havip { 203.0.113.70 }"],
        &[" missing eip_to_havip 203.0.113.70 : 10.0.1.50 -"],
    );
    named(
        &["nft add element ip mooring eip_to_havip { 203.0.113.71 : 10.0.1.60 }"],
        &[" foreign eip_to_havip 203.0.113.71 : 10.0.1.60 -"],
    );
    named(
        &["ip neigh replace 10.0.1.50 lladdr 02:00:00:00:01:0c dev in0 nud permanent protocol 77"],
        &[" changed neighbours 10.0.1.50 . 02:00:00:00:01:0a neighbours 10.0.1.50 . 02:00:00:00:01:0c"],
    );
    named(
        &["nft insert rule ip mooring prerouting accept"],
        &[" changed tables, chains and rules not ours any more"],
    );
    wait_for("nothing to differ any more", LUCK, || match stage.server.moor("diff kernel") {
        Ok(answer) if answer.exit == 0 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
}

#[test]
fn what_is_not_in_a_kernel_here_or_can_not_be_asked_for_is_said() {
    let folder = own_folder().unwrap();
    let places = place("blue", "moor-nowhere");
    let server = Mooringd::start_in(folder.path(), &places, Options::default()).unwrap();
    server.stock().unwrap();
    server.ask("vpc create red").unwrap();
    let answer = wait_for("the VPC's place to have been tried", LUCK, || {
        let answer = server.moor("diff kernel").map_err(|error| format!("{error:#}"))?;
        if answer.out.contains("moor-nowhere") { Ok(answer) } else { Err(format!("{answer:?}")) }
    })
    .unwrap();
    assert_eq!(answer.exit, 5, "{answer:?}");
    assert!(answer.out.contains("\nVPC red does not live here\n"), "{answer:?}");
    assert!(answer.out.contains("unknown"), "{answer:?}");

    for (line, exit, reason, words) in [
        ("diff 9999 kernel", 3, "OUTSIDE_THE_LOG", "A: there is no record 9999"),
        ("diff yesterday kernel", 2, "USAGE", "A: \"yesterday\" is no moment of a log"),
        ("diff kernel 3", 2, "USAGE", "A: \"kernel\" is no moment of a log"),
        ("diff file:x 3 kernel", 2, "USAGE", "no log has a kernel"),
        ("diff kernel --region r9", 3, "NOT_FOUND", "regions/r9"),
        ("diff kernel --gateway ftp://127.0.0.1:1", 2, "USAGE", "is no server"),
        ("diff kernel --gateway http://127.0.0.1:1", 4, "UNREACHABLE", "127.0.0.1:1"),
        ("diff 3", 2, "USAGE", "Say A and B"),
    ] {
        let refusal = server.refuse(line).unwrap();
        assert_eq!((refusal.exit, &*refusal.reason), (exit, reason), "{line}: {refusal:?}");
        assert!(refusal.message.contains(words), "{line}: {refusal:?}");
    }
}
