//! A graceful stop: what has begun is finished, what was answered is in the log, and nobody gets a broken answer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::{Duration, Instant};

use mooring_tests::{Client, Cluster, Part, wait_for};
use nix::sys::signal::Signal;
use tokio::runtime::{Builder, Runtime};
use tonic::{Code, Status};
use tonic_types::StatusExt;

const CLIENTS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Creates VPCs until it gets another answer than that they are made; gives their names and that answer.
async fn create(client: Client, number: usize, made: Arc<AtomicUsize>) -> (Vec<String>, Status) {
    let mut names = Vec::new();
    loop {
        let name = format!("vpc-{number}-{}", names.len());
        match client.vpc(&name).await {
            Ok(_) => names.push(name),
            Err(status) => return (names, status),
        }
        made.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_a_stopped_process_had_answered_is_in_the_log_and_the_rest_is_unavailable() {
    let mut cluster = Cluster::start().unwrap();
    let runtime = runtime();
    let made = Arc::new(AtomicUsize::new(0));
    let creating: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let _guard = runtime.enter();
            let client = Client::of(&cluster.servers(0)).unwrap();
            runtime.spawn(create(client, number, made.clone()))
        })
        .collect();
    wait_for("some VPCs", PATIENCE, || match made.load(Ordering::Relaxed) {
        many if many >= 20 * CLIENTS => Ok(()),
        few => Err(few.to_string()),
    })
    .unwrap();
    assert_eq!(cluster.part_mut(Part::Resource).stop().unwrap().code(), Some(0));
    let ended: Vec<_> = creating.into_iter().map(|task| runtime.block_on(task).unwrap()).collect();
    for (_, status) in &ended {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    }
    let stored: Vec<_> = cluster
        .events()
        .unwrap()
        .into_iter()
        .filter(|(kind, _)| kind == "vpc_created")
        .map(|(_, fields)| fields["display_name"].as_str().unwrap().to_owned())
        .collect();
    let answered: Vec<_> = ended.into_iter().flat_map(|(names, _)| names).collect();
    for name in &answered {
        assert_eq!(stored.iter().filter(|stored| *stored == name).count(), 1, "{name}");
    }
    // At most the call of each client that was under way then is stored and was not answered.
    assert!(stored.len() <= answered.len() + CLIENTS, "{} of {}", answered.len(), stored.len());
}

#[test]
fn a_caller_who_waits_for_a_gateway_is_told_that_the_server_stops() {
    let mut cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    cluster.ask("bind web front").unwrap();
    // What is not taken out is waited for, longer than a stop may take.
    cluster.part(Part::Gateway(0)).pause().unwrap();
    let (eip, servers) = (cluster.ask("eip get web").unwrap(), cluster.servers(0));
    let eip = eip["name"].as_str().unwrap().to_owned();
    let runtime = runtime();
    let unbinding = runtime.spawn(async move {
        let client = Client::of(&servers).unwrap();
        client.unbind(&eip, uuid::Uuid::now_v7()).await
    });
    wait_for("the unbind to be stored", PATIENCE, || {
        let state = cluster.ask("eip get web").map_err(|error| format!("{error:#}"))?;
        if state["state"] == "UNASSOCIATING" { Ok(()) } else { Err(state.to_string()) }
    })
    .unwrap();
    assert_eq!(cluster.part_mut(Part::Binding).stop().unwrap().code(), Some(0));
    let refused = runtime.block_on(unbinding).unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(refused.get_details_error_info().unwrap().reason, "STOPPING");
    assert!(refused.message().contains("the server is stopping"), "{refused:?}");
    cluster.part_mut(Part::Binding).launch().unwrap();
    cluster.part(Part::Gateway(0)).resume().unwrap();
    wait_for("the unbind to be finished all the same", PATIENCE, || {
        let kinds: Vec<_> = cluster.events().map_err(|error| format!("{error:#}"))?;
        let last = kinds.into_iter().map(|(kind, _)| kind).next_back();
        if last.as_deref() == Some("unbound") { Ok(()) } else { Err(format!("{last:?}")) }
    })
    .unwrap();
}

#[test]
fn every_process_ends_with_0_and_a_snapshot_and_leaves_its_folder_to_the_next() {
    let mut cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    for part in cluster.parts() {
        assert_eq!(cluster.part_mut(part).stop().unwrap().code(), Some(0), "{part:?}");
    }
    cluster.launch().unwrap();
    let log = cluster.part(Part::Resource).log();
    let folded: Vec<_> = log.lines().filter(|line| line.contains("folded who=\"resource\" ")).collect();
    let again = folded.last().unwrap();
    assert!(!again.contains("from=0 "), "it began from the snapshot: {again}");
    cluster.ask("bind web front").unwrap();
}

#[test]
fn a_second_signal_ends_a_process_where_it_stands() {
    let mut cluster = Cluster::start().unwrap();
    cluster.stock().unwrap();
    cluster.ask("bind web front").unwrap();
    cluster.part(Part::Gateway(0)).pause().unwrap();
    let runtime = runtime();
    let (eip, servers) = (cluster.ask("eip get web").unwrap(), cluster.servers(0));
    let eip = eip["name"].as_str().unwrap().to_owned();
    let waiting = runtime.spawn(async move {
        let client = Client::of(&servers).unwrap();
        client.unbind(&eip, uuid::Uuid::now_v7()).await
    });
    let binding = cluster.part_mut(Part::Binding);
    binding.signal(Signal::SIGTERM).unwrap();
    wait_for("it to be stopping", PATIENCE, || {
        let log = binding.log();
        if log.contains("stopping") { Ok(()) } else { Err(log) }
    })
    .unwrap();
    let told = Instant::now();
    assert_eq!(binding.stop().unwrap().code(), Some(1));
    assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
    runtime.block_on(waiting).unwrap().unwrap_err();
}
