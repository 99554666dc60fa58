//! The same questions asked of a server: it tells of every moment what the log says where it lies.

use mooring_event_log::{Options as LogOptions, Segments};
use mooring_proto::dataplane::v1::{ReplayRegionRequest, past_service_client::PastServiceClient};
use mooring_tests::{
    Mooringd, channel, history, lab,
    server::{Options, own_folder},
};
use serde_json::{Value, json};
use tonic::transport::Endpoint;

use crate::given::*;

/// Without what says where the answer comes from.
fn answer(mut told: Value) -> Value {
    told.as_object_mut().unwrap().remove("log");
    told
}

#[test]
fn at_every_moment_a_server_tells_what_its_log_says() {
    let server = server();
    server.stock().unwrap();
    server.ask("bind web front").unwrap();
    server.ask("unbind web").unwrap();
    let place = server.data().display().to_string();
    let commits = commits(&server);
    let end = commits.last().unwrap()["position"].as_u64().unwrap();
    let times = commits.iter().map(|commit| commit["recorded_at"].as_str().unwrap().to_owned());
    let moments = (0..=end).map(|position| position.to_string()).chain(times);
    for at in moments.chain(["end".to_owned(), format!("{end}.0")]) {
        let live = server.ask(&format!("replay --at {at}")).unwrap();
        assert_eq!(live["log"].as_str(), Some(&*format!("http://{}", server.address())));
        let mut lying = answer(told(&format!("replay {place} --at {at}")));
        // Before everything a log does not say whose it is.
        lying["region"] = json!("r1");
        assert_eq!(answer(live), lying, "at {at}");
    }
    for (from, to) in [(0, end), (end, 0), (3, 3), (1, end - 1)] {
        let live = server.ask(&format!("diff {from} {to}")).unwrap();
        assert_eq!(answer(live), answer(told(&format!("diff {place} {from} {to}"))), "{from} {to}");
    }
    let text = server.moor("diff 0 end").unwrap();
    assert!(
        text.out.lines().any(|line| line.split_whitespace().eq(["added", "VPC", "blue", "-"])),
        "{}",
        text.out
    );
}

#[test]
fn of_two_that_contest_a_havip_the_ruleset_has_the_one_that_keeps_it() {
    let server = server();
    server.stock().unwrap();
    server.ask("havip delete front").unwrap();
    let havip = format!("havip create front --subnet web --address {} --damping 10min/10min", lab::HAVIP);
    server.ask(&format!("{havip} --member vm-a --member vm-b")).unwrap();
    server.claim(lab::MAC_A).unwrap();
    server.claim(lab::MAC_B).unwrap();
    assert_eq!(server.ask("holder front").unwrap()["state"], "CONTESTED");
    let ruleset = server.moor("replay --as nft --vpc blue").unwrap();
    let kept = format!("{} . {}", lab::HAVIP, lab::MAC_A);
    assert!(ruleset.out.contains(&kept) && !ruleset.out.contains(lab::MAC_B), "{}", ruleset.out);
}

#[test]
fn a_log_named_in_front_of_the_verb_is_the_place_of_each_question() {
    let server = server();
    server.stock().unwrap();
    server.ask("bind web front").unwrap();
    let place = format!("file:{}", server.data().display());
    let alike = [
        ("replay --at 3", "replay PLACE --at 3"),
        ("diff 3 end", "diff PLACE 3 end"),
        ("custody 10.0.1.50", "custody 10.0.1.50 PLACE"),
    ];
    for (named, own) in alike {
        assert_eq!(told(&format!("--log {place} {named}")), told(&own.replace("PLACE", &place)), "{named}");
    }
    let explained = told(&format!("--log {place} explain web"));
    assert_eq!(explained["log"], told(&format!("explain web --log {place}"))["log"]);
    for (line, words) in [
        (format!("--log {place} replay {place}"), "both say a log"),
        (format!("--log {place} eip list"), "leave --log out"),
        (format!("--log {place} log --follow"), "leave --log or --follow out"),
        (format!("--log {place} log verify {place}"), "leave --log out"),
        (format!("--log {place} diff end kernel"), "no log has a kernel"),
    ] {
        let refusal = refused(&line);
        assert_eq!((refusal.exit, &*refusal.reason), (2, "USAGE"), "{line}: {}", refusal.message);
        assert!(refusal.message.contains(words), "{line}: {}", refusal.message);
    }
}

#[test]
fn a_server_steps_and_prints_rules_as_its_log_does() {
    let server = server();
    server.stock().unwrap();
    server.claim(lab::MAC_A).unwrap();
    server.ask("bind web front").unwrap();
    server.claim(lab::MAC_B).unwrap();
    server.ask("unbind web").unwrap();
    server.ask("vpc create other --project p2").unwrap();
    let place = server.data().display().to_string();
    let end = tail(&server);
    let mut lines =
        vec!["--step".to_owned(), "--step --project p2".to_owned(), "--as nft --at end".to_owned()];
    for position in 0..=end {
        lines.push(format!("--step --from {position} --to {end}"));
        lines.push(format!("--step --to {position}.0"));
        lines.push(format!("--as nft --vpc blue --at {position}"));
    }
    lines.push(format!("--as nft --hairpin --inside a --outside b --at {end} --project p1"));
    for line in &lines {
        for output in ["table", "json"] {
            let live = server.moor(&format!("replay {line} -o {output}")).unwrap();
            let lying = offline(&format!("replay {place} {line} -o {output}"));
            assert_eq!((live.exit, live.out, live.error), (lying.exit, lying.out, lying.error), "{line}");
        }
    }
    let text = server.moor(&format!("replay --as nft --vpc blue --at {}", end - 4)).unwrap();
    assert!(text.out.contains("203.0.113.70 : 10.0.1.50"), "{text:?}");
}

#[test]
fn only_the_projects_own_things_are_told_by_a_server_too() {
    let server = server();
    server.stock().unwrap();
    server.ask("vpc create other --project p2").unwrap();
    let names = |project: &str| {
        let past = server.ask(&format!("replay --project {project}")).unwrap();
        let vpcs = past["vpcs"].as_array().unwrap().clone();
        assert_eq!(past["pools"].as_array().unwrap().len(), 1, "pools are the region's");
        vpcs.into_iter().map(|vpc| vpc["display_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((names("p1"), names("p2")), (vec!["blue".to_owned()], vec!["other".to_owned()]));
}

#[test]
fn what_a_log_can_not_answer_its_server_refuses_in_the_same_words() {
    let server = server();
    server.stock().unwrap();
    let place = server.data().display().to_string();
    for line in [
        "replay PLACE --at 9999",
        "replay PLACE --at 2.7",
        "replay PLACE --at 0.0",
        "replay PLACE --at 1999-12-31T23:59:59Z",
        "replay PLACE --at 2500-01-01T00:00:00Z",
        "replay PLACE --at yesterday",
        "diff PLACE 9999 1",
        "diff PLACE 1 9999",
        "diff PLACE 1 1.x",
        "replay PLACE --step --from 9999",
        "replay PLACE --step --to 9999",
        "replay PLACE --step --from 5 --to 3",
        "replay PLACE --step --from x",
        "replay PLACE --as nft --vpc red",
        "replay PLACE --as nft --at 0",
        "replay PLACE --as nft --at 9999",
    ] {
        let live = server.refuse(&line.replace("PLACE ", "")).unwrap();
        assert_eq!(live, refused(&line.replace("PLACE", &place)), "{line}");
    }
    let unknown = server.refuse("replay --region r9").unwrap();
    assert_eq!((unknown.exit, &*unknown.reason, &*unknown.field), (3, "NOT_FOUND", "parent"));
    for line in ["diff 1", "diff a 1 2 3", "replay --step --at 3", "replay --step --as nft"] {
        assert_eq!(server.refuse(line).unwrap().exit, 2, "{line}");
    }
}

/// A region of which one message could not tell everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_region_is_told_in_parts() {
    let folder = own_folder().unwrap();
    let data = folder.path().join("data");
    let log = Segments::open(&data.join("log/r1"), LogOptions::default(), &[]).unwrap().log;
    history::write(log.as_ref(), 60_000).await.unwrap();
    log.close();
    let path = folder.path().to_owned();
    let start = move || Mooringd::start_in(&path, "", Options::default()).unwrap();
    let server = tokio::task::spawn_blocking(start).await.unwrap();
    let url = format!("http://{}", server.address());
    let channel = channel::connect(Endpoint::from_shared(url).unwrap()).await.unwrap();
    let mut client = PastServiceClient::new(channel);
    let request = ReplayRegionRequest { parent: "regions/r1".into(), at: "100".into() };
    let mut answers = client.replay_region(request).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    assert_eq!((first.moment.unwrap().position, first.things.len()), (100, 0));
    let mut parts = Vec::new();
    while let Some(part) = answers.message().await.unwrap() {
        assert!(part.moment.is_none() && !part.things.is_empty());
        parts.push(part.things.len());
    }
    let folded = mooring_past::fold_folder(&data.join("log/r1"), mooring_past::Moment::parse("100").unwrap());
    assert_eq!(parts.iter().sum::<usize>(), folded.unwrap().keys().count());
    assert!(parts.len() > 2, "{parts:?}");
    drop(client);
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}
