//! Starting while NATS is away, or is not to be trusted.

use std::time::{Duration, Instant};

use mooring_tests::{Cluster, Part, cluster::Options, nats};

/// What a call may take that is refused at once.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn processes_wait_for_a_nats_that_is_away_and_refuse_calls_at_once_until_then() {
    let mut cluster = Cluster::prepare(Options::default()).unwrap();
    cluster.init().unwrap();
    cluster.nats.kill9().unwrap();
    for part in cluster.parts() {
        cluster.part_mut(part).launch().unwrap();
    }
    for part in cluster.parts() {
        cluster.part(part).wait_not_ready("not met: logs: the log of region r1 in nats://").unwrap();
    }
    let asked = Instant::now();
    let refused = cluster.moor("vpc create blue -o json").unwrap();
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert_eq!(refused.exit, 4, "no answer, try again: {refused:?}");
    assert_eq!(refused.refusal().unwrap().reason, "NOT_READY");
    cluster.nats.restart().unwrap();
    for part in cluster.parts() {
        cluster.part_mut(part).wait_started().unwrap();
    }
    cluster.ask("vpc create blue").unwrap();
}

#[test]
fn a_process_can_be_stopped_while_it_waits_for_nats() {
    let mut cluster = Cluster::prepare(Options::default()).unwrap();
    cluster.nats.kill9().unwrap();
    let resource = cluster.part_mut(Part::Resource);
    resource.launch().unwrap();
    resource.wait_not_ready("logs").unwrap();
    assert_eq!(resource.stop().unwrap().code(), Some(0));
}

/// A start that must be refused, with these words.
fn refused(mut cluster: Cluster, words: &[&str]) {
    let resource = cluster.part_mut(Part::Resource);
    resource.launch().unwrap();
    let ended = resource.wait_ended().unwrap();
    let log = resource.log();
    assert_eq!(ended.code(), Some(1), "{log}");
    let error = log.lines().find(|line| line.contains("ERROR")).unwrap_or_else(|| panic!("no error: {log}"));
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
}

#[test]
fn a_nats_without_the_regions_jetstream_stream_is_refused_saying_how_it_is_made() {
    let cluster = Cluster::prepare(Options::default()).unwrap();
    refused(cluster, &["mooring-r1", "moor log init"]);
}

#[test]
fn a_nats_that_does_not_sync_is_refused() {
    let nats = nats::Options { sync_interval: None, ..nats::Options::default() };
    let cluster = Cluster::prepare(Options { nats, ..Options::default() }).unwrap();
    cluster.init().unwrap();
    refused(cluster, &["sync_interval"]);
}
