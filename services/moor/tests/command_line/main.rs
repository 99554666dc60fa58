//! What `moor` asks a server for, prints and exits with: the real binary against a server that answers as told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own machinery fails by panicking")]

mod arguments;
mod completion;
mod server;
mod views;

use std::{
    collections::{BTreeSet, HashMap},
    process::Command,
};

use mooring_proto::{
    binding::v1::{BindRequest, Binding, WaitAppliedResponse, WatchBindingsResponse, binding},
    dataplane::v1::{
        Commit, DiffKernelResponse, DiffRegionResponse, ListCommitsRequest, ListCommitsResponse, Moment,
        ReplayRegionResponse, Status as Dataplane, Step, StepRegionResponse, VpcStatus, WatchCommitsRequest,
        WatchCommitsResponse, WatchEventsRequest, WatchEventsResponse,
    },
    event::v1::{Event, GatewayRegistered, event},
    health::v1::WatchHoldersResponse,
    resource::v1::{Eip, Havip, ListEipsRequest, ListEipsResponse, eip},
};
use prost::Message;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckResponse, health_check_response::ServingStatus};
use tonic_types::{ErrorDetails, StatusExt};

use crate::server::{Answer, Server, message};

const EIP: &str = "projects/shop/regions/r1/eips/01976e2a-0000-7000-8000-000000000001";
const HAVIP: &str = "projects/shop/regions/r1/havips/01976e2a-0000-7000-8000-000000000002";
const BINDING: &str = "projects/shop/regions/r1/bindings/01976e2a-0000-7000-8000-000000000003";

/// How a run ended.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|cause| panic!("{cause}: {:?} {:?}", self.out, self.err))
    }
}

/// Runs `moor` with this line; `timeout` ends it should it hang.
async fn moor(url: &str, line: &str) -> Ended {
    moor_with(url, &[], line).await
}

/// The same, with these variables besides.
async fn moor_with(url: &str, more: &[(&str, &str)], line: &str) -> Ended {
    let mut command = Command::new("timeout");
    command.arg("20").arg(env!("CARGO_BIN_EXE_moor")).args(line.split_whitespace());
    let own = [
        ("MOORING_SERVER", url),
        ("MOORING_PROJECT", "shop"),
        ("MOORING_REGION", "r1"),
        ("MOORING_ACTOR", "ops@test"),
    ];
    command.env_clear().env("PATH", "/usr/bin:/bin").envs(own).envs(more.iter().copied());
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

fn web() -> Eip {
    Eip {
        name: EIP.into(),
        display_name: "web".into(),
        address: "203.0.113.7".into(),
        state: eip::State::Available.into(),
        ..Default::default()
    }
}

fn front() -> Havip {
    Havip { name: HAVIP.into(), display_name: "front".into(), ..Default::default() }
}

fn bound() -> Binding {
    Binding {
        name: BINDING.into(),
        eip: EIP.into(),
        havip: HAVIP.into(),
        state: binding::State::InUse.into(),
        eip_address: "203.0.113.7".into(),
        havip_address: "10.0.1.50".into(),
        position: 12,
        ..Default::default()
    }
}

fn refusal(code: Code, reason: &str) -> Status {
    let metadata = [("field", "eip"), ("in_the_way", BINDING), ("retryable", "false")];
    let metadata: HashMap<_, _> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let details = ErrorDetails::with_error_info(reason, "mooring", metadata);
    Status::with_error_details(code, "eip: it is bound already: unbind it first", details)
}

#[tokio::test(flavor = "multi_thread")]
async fn bind_sends_what_was_said_with_full_names_and_looks_nothing_up_before() {
    let server = Server::start().await;
    server.answers("Bind", message(&bound()));
    server.answers("GetEip", message(&web())).answers("GetHavip", message(&front()));
    let ended = moor(&server.url, "bind 203.0.113.7 front --wait").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(
        server.calls()[0].method,
        "Bind",
        "a name that is looked up may mean something else in a retry"
    );
    let call = &server.calls_of("Bind")[0];
    let bind: BindRequest = call.read();
    let named = ("projects/shop/regions/r1/eips/203.0.113.7", "projects/shop/regions/r1/havips/front", true);
    assert_eq!((&*bind.eip, &*bind.havip, bind.wait_applied), named);
    assert_eq!(bind.request_id.len(), 36, "{}", bind.request_id);
    assert_eq!(call.actor, "ops@test");
    assert!(ended.out.contains("EIP       web (203.0.113.7)\n"), "{}", ended.out);
    assert!(ended.out.contains("STATE     IN_USE\n"), "{}", ended.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_tried_three_times_with_one_request_id_and_ids_are_not_looked_up() {
    let server = Server::start().await;
    for _ in 0..2 {
        server.answers("Bind", Answer::Refusal(Status::unavailable("starting")));
    }
    server.answers("Bind", message(&bound()));
    let id = "01976e2a-0000-7000-8000-00000000000f";
    let ended = moor(&server.url, &format!("bind {EIP} {HAVIP} -o json --request-id {id}")).await;
    assert_eq!((ended.code, &ended.json()["state"]), (0, &json!("IN_USE")));
    let ids: Vec<_> = server.calls().iter().map(|call| call.read::<BindRequest>().request_id).collect();
    assert_eq!(ids, [id; 3], "nothing but three binds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_ends_the_tries_and_a_refusal_is_not_tried_again() {
    let server = Server::start().await;
    for _ in 0..4 {
        server.answers("ReleaseEip", Answer::Refusal(Status::unavailable("starting")));
    }
    let ended = moor(&server.url, &format!("eip release {EIP}")).await;
    assert_eq!((ended.code, server.calls().len()), (4, 3));
    assert!(ended.err.contains("--request-id "), "{}", ended.err);

    let server = Server::start().await;
    server.answers("ReleaseEip", Answer::Refusal(refusal(Code::FailedPrecondition, "EIP_BOUND")));
    let ended = moor(&server.url, &format!("eip release {EIP}")).await;
    assert_eq!((ended.code, server.calls().len()), (1, 1));
    let expected = format!(
        "moor: eip: it is bound already: unbind it first\n  in the way: {BINDING}\n  reason:     EIP_BOUND\n"
    );
    assert_eq!((&*ended.err, &*ended.out), (&*expected, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_error_has_its_exit_code_and_is_json_for_programs() {
    for (code, exit) in [
        (Code::AlreadyExists, 1),
        (Code::InvalidArgument, 2),
        (Code::NotFound, 3),
        (Code::Aborted, 4),
        (Code::DataLoss, 6),
    ] {
        let server = Server::start().await;
        server.answers("GetEip", Answer::Refusal(refusal(code, "SOME_REASON")));
        let ended = moor(&server.url, "eip get web -o json").await;
        assert_eq!(ended.code, exit, "{code:?}: {}", ended.err);
        let error: Value = serde_json::from_str(&ended.err).unwrap();
        let error = &error["error"];
        assert_eq!((&error["reason"], &error["in_the_way"]), (&json!("SOME_REASON"), &json!(BINDING)));
        assert_eq!(error["exit_code"], exit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_and_no_answer_are_told_apart() {
    let ended = moor("unix:/nowhere/mooring.sock", "vpc list").await;
    assert_eq!(ended.code, 4);
    assert!(
        ended.err.contains("can't reach the server at unix:/nowhere/mooring.sock: No such file"),
        "{}",
        ended.err
    );

    let server = Server::start().await;
    server.answers("Unbind", Answer::Never);
    let ended = moor(&server.url, &format!("unbind {EIP} --timeout 0.3")).await;
    assert_eq!(ended.code, 4);
    assert!(ended.err.contains("no answer from the server at http://127.0.0.1:"), "{}", ended.err);
    assert!(ended.err.contains("again with: --request-id "), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_is_what_the_server_says_of_itself() {
    let server = Server::start().await;
    let of = |status: ServingStatus| message(&HealthCheckResponse { status: status.into() });
    server.answers("Check", of(ServingStatus::Serving)).answers("Check", of(ServingStatus::NotServing));
    let ended = moor(&server.url, "ready").await;
    assert_eq!((ended.code, &*ended.out), (0, "ready\n"), "{}", ended.err);
    let ended = moor(&server.url, "ready").await;
    assert_eq!((ended.code, &*ended.out), (4, ""));
    assert!(ended.err.contains("reason:     NOT_READY"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bind_that_came_to_nothing_is_a_refusal() {
    let failed = Binding {
        state: binding::State::Failed.into(),
        failure: "EIP_NOT_FOUND: the EIP does not exist".into(),
        ..bound()
    };
    let server = Server::start().await;
    server.answers("Bind", message(&failed));
    let ended = moor(&server.url, &format!("bind {EIP} {HAVIP}")).await;
    assert_eq!((ended.code, &*ended.out), (1, ""));
    assert!(ended.err.starts_with("moor: the bind failed: the EIP does not exist\n"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_through_all_pages_and_says_when_it_is_empty() {
    let page = |name: &str, next: &str| {
        let eip = Eip { display_name: name.into(), ..web() };
        message(&ListEipsResponse { eips: vec![eip], next_page_token: next.into() })
    };
    let server = Server::start().await;
    server.answers("ListEips", page("web", "next")).answers("ListEips", page("a-longer-name", ""));
    let ended = moor(&server.url, "eip list").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let starts: Vec<_> = ended.out.lines().map(|line| &line[..28]).collect();
    assert_eq!(
        starts,
        ["NAME           ADDRESS      ", "web            203.0.113.7  ", "a-longer-name  203.0.113.7  "]
    );
    let tokens: Vec<_> =
        server.calls().iter().map(|call| call.read::<ListEipsRequest>().page_token).collect();
    assert_eq!(tokens, ["", "next"]);

    let empty = moor(&server.url, "eip list").await;
    assert_eq!((empty.code, &*empty.out), (0, "no EIPs\n"));
    assert_eq!(moor(&server.url, "eip list -o json").await.json(), json!([]));
}

fn commit(position: u64, index: u32) -> Commit {
    let registered = GatewayRegistered { gateway: format!("gw-{position}-{index}"), region: "r1".into() };
    let events = vec![Event { kind: Some(event::Kind::GatewayRegistered(registered)) }];
    Commit {
        position,
        index,
        stream: "binding".into(),
        actor: "ops@test".into(),
        recorded_at: 1,
        events,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_read_to_its_end() {
    let server = Server::start().await;
    let page = |commits: Vec<Commit>, next_after| message(&ListCommitsResponse { commits, next_after });
    server
        .answers("ListCommits", page(vec![commit(3, 0), commit(3, 1)], 3))
        .answers("ListCommits", page(vec![commit(4, 0)], 0));
    let ended = moor(&server.url, "log --after 2").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let positions: Vec<_> = ended.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(positions, ["3.0", "3.1", "4.0"]);
    assert!(ended.out.contains("1970-01-01T00:00:00.000Z"), "{}", ended.out);
    let after: Vec<_> = server.calls().iter().map(|call| call.read::<ListCommitsRequest>().after).collect();
    assert_eq!(after, [2, 3]);

    let nothing = moor(&server.url, "log --after 9").await;
    assert_eq!((nothing.code, &*nothing.out), (0, "nothing happened after position 9\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn following_goes_on_after_a_broken_stream_with_every_commit_once() {
    let server = Server::start().await;
    let next = |commit| WatchCommitsResponse { commit: Some(commit) }.encode_to_vec();
    server.answers("WatchCommits", Answer::Broken(vec![next(commit(4, 0)), next(commit(5, 0))]));
    server.answers("WatchCommits", Answer::Broken(vec![next(commit(5, 0)), next(commit(5, 1))]));
    let ended = moor(&server.url, "log --follow --after 3 --limit 3 -o json").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let lines: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at: Vec<_> = lines
        .iter()
        .map(|line| (line["position"].as_u64().unwrap(), line["index"].as_u64().unwrap()))
        .collect();
    assert_eq!(at, [(4, 0), (5, 0), (5, 1)]);
    let after: Vec<_> = server.calls().iter().map(|call| call.read::<WatchCommitsRequest>().after).collect();
    assert_eq!(after, [3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_followed_goes_on_by_the_servers_token() {
    let server = Server::start().await;
    let next = |commit, token: &str| {
        WatchEventsResponse { commit: Some(commit), resume_token: token.to_owned() }.encode_to_vec()
    };
    server.answers("WatchEvents", Answer::Broken(vec![next(commit(4, 0), "a"), next(commit(5, 0), "b")]));
    server.answers("WatchEvents", Answer::Broken(vec![next(commit(7, 1), "c")]));
    let ended = moor(&server.url, "log --follow --after 3 --limit 3 --eip web -o json").await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 3, "{}", ended.out);
    let asked: Vec<_> = server.calls().iter().map(|call| call.read::<WatchEventsRequest>()).collect();
    let from: Vec<_> = asked.iter().map(|asked| (asked.after_position, &*asked.resume_token)).collect();
    assert_eq!(from, [(3, ""), (0, "b")]);
    assert!(asked.iter().all(|asked| asked.filter.as_ref().unwrap().eip.ends_with("/eips/web")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_whether_kernel_and_fold_agree_and_so_does_its_exit_code() {
    let vpc = VpcStatus {
        display_name: "blue".into(),
        netns: "vpc-blue".into(),
        applied_position: 7,
        ..Default::default()
    };
    let agree = Dataplane {
        gateway: "regions/r1/gateways/gw-1".into(),
        tail: 7,
        folded_position: 7,
        vpcs: vec![vpc.clone()],
    };
    let differences = vec!["element 203.0.113.7 is missing".to_owned()];
    let differ = Dataplane { vpcs: vec![VpcStatus { differences, ..vpc }], ..agree.clone() };
    let server = Server::start().await;
    server.answers("GetStatus", message(&agree)).answers("GetStatus", message(&differ));
    let ended = moor(&server.url, "status --verify -o json").await;
    assert_eq!((ended.code, &ended.json()["agree"]), (0, &json!(true)), "{}", ended.err);
    let ended = moor(&server.url, "status --verify").await;
    assert_eq!(ended.code, 5);
    assert!(ended.out.contains("do NOT agree:\n  VPC blue: element 203.0.113.7 is missing"), "{}", ended.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_past_is_never_taken_for_the_whole() {
    let server = Server::start().await;
    let first = ReplayRegionResponse { moment: Some(Moment::default()), things: Vec::new() };
    server.answers("ReplayRegion", Answer::Broken(vec![first.encode_to_vec()]));
    let ended = moor(&server.url, "replay").await;
    assert_eq!((ended.code, &*ended.out), (4, ""), "{}", ended.err);
    server.answers("ReplayRegion", message(&ReplayRegionResponse::default()));
    assert_eq!(moor(&server.url, "replay").await.code, 6, "of which moment is that?");
    // Steps are shown as they come; that they are not all is said behind them.
    let (begin, step) =
        (StepRegionResponse { from: Some(Moment::default()), steps: Vec::new() }, Step::default());
    let step = StepRegionResponse { from: None, steps: vec![step] };
    server.answers("StepRegion", Answer::Broken(vec![begin.encode_to_vec(), step.encode_to_vec()]));
    let ended = moor(&server.url, "replay --step").await;
    assert_eq!((ended.code, ended.out.lines().count()), (4, 2), "{} {}", ended.out, ended.err);
    server.answers("StepRegion", message(&step));
    assert_eq!(moor(&server.url, "replay --step").await.code, 6, "behind which moment is that?");
    let kernel = DiffKernelResponse { at: Some(Moment::default()), ..Default::default() };
    server.answers("DiffKernel", Answer::Broken(vec![kernel.encode_to_vec()]));
    let ended = moor(&server.url, "diff kernel").await;
    assert_eq!((ended.code, &*ended.out), (4, ""), "{}", ended.err);
}

async fn asks_for_the_past(server: &Server) {
    let moment = || Some(Moment::default());
    server.answers("ReplayRegion", message(&ReplayRegionResponse { moment: moment(), things: Vec::new() }));
    assert_eq!(moor(&server.url, "replay").await.code, 0);
    server.answers(
        "DiffRegion",
        message(&DiffRegionResponse { from: moment(), to: moment(), changes: Vec::new() }),
    );
    assert_eq!(moor(&server.url, "diff 0 0").await.code, 0);
    server.answers("StepRegion", message(&StepRegionResponse { from: moment(), steps: Vec::new() }));
    assert_eq!(moor(&server.url, "replay --step").await.code, 0);
    server.answers("DiffKernel", message(&DiffKernelResponse { at: moment(), ..Default::default() }));
    assert_eq!(moor(&server.url, "diff kernel").await.code, 0);
    for line in ["trace 198.51.100.10 203.0.113.7", "explain 203.0.113.7"] {
        assert_ne!(moor(&server.url, line).await.code, 2, "moor {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_the_api_has_a_verb() {
    let server = Server::start().await;
    for line in [
        "pool create public 203.0.113.0/28",
        "pool list",
        "pool get public",
        "pool update public --add-block 198.51.100.0/28",
        "pool drain public",
        "pool resume public",
        "pool delete public",
        "quota get",
        "quota update --eips 50",
        "vpc create blue",
        "vpc list",
        "vpc get blue",
        "vpc delete blue",
        "subnet create inner --vpc blue --cidr 10.0.1.0/24",
        "subnet list",
        "subnet get inner",
        "subnet update inner --reserve 10.0.1.240/28",
        "subnet delete inner",
        "vnic create vm-a --subnet inner --mac 02:00:00:00:00:0a --address 10.0.1.11",
        "vnic list",
        "vnic get vm-a",
        "vnic delete vm-a",
        "havip create front --subnet inner --member vm-a --member vm-b",
        "havip list",
        "havip get front",
        "havip update front --add-member vm-c",
        "havip delete front",
        "eip allocate",
        "eip list",
        "eip get web",
        "eip get web shop",
        "havip get front back",
        "binding get 01976e2a-0000-7000-8000-000000000003 01976e2a-0000-7000-8000-000000000004",
        "eip update web --labels env=prod",
        "eip release web",
        "bind web front",
        "move web back",
        "unbind web",
        "binding list",
        "binding get 01976e2a-0000-7000-8000-000000000003",
        "holder front",
        "holders",
        "failovers front",
        "gateway list",
        "gateway decommission gw-1",
        "status",
        "log",
        "log --of-project shop",
        "custody 203.0.113.7",
    ] {
        let ended = moor(&server.url, line).await;
        assert_eq!(ended.code, 0, "moor {line}: {}", ended.err);
    }
    watches(&server).await;
    asks_for_the_past(&server).await;

    let called: BTreeSet<String> = server.calls().into_iter().map(|call| call.method).collect();
    assert_eq!(called, server::for_people());
}

async fn watches(server: &Server) {
    server.answers(
        "WatchCommits",
        Answer::Broken(vec![WatchCommitsResponse { commit: Some(commit(1, 0)) }.encode_to_vec()]),
    );
    assert_eq!(moor(&server.url, "log --follow --limit 1").await.code, 0);
    server.answers(
        "WatchEvents",
        Answer::Broken(vec![
            WatchEventsResponse { commit: Some(commit(1, 0)), ..Default::default() }.encode_to_vec(),
        ]),
    );
    assert_eq!(moor(&server.url, "log --follow --limit 1 --actor ann").await.code, 0);

    server.answers(
        "WatchHolders",
        Answer::Broken(vec![
            WatchHoldersResponse { deleted: vec![HAVIP.into()], ..Default::default() }.encode_to_vec(),
        ]),
    );
    assert_eq!(moor(&server.url, "holder --watch --limit 1").await.code, 0);

    server.answers(
        "WatchBindings",
        Answer::Broken(vec![
            WatchBindingsResponse { gone: vec![HAVIP.into()], ..Default::default() }.encode_to_vec(),
        ]),
    );
    assert_eq!(moor(&server.url, "binding list --watch --limit 1").await.code, 0);
    server.answers("WaitApplied", message(&WaitAppliedResponse::default()));
    assert_eq!(moor(&server.url, "gateway wait").await.code, 0);
}
