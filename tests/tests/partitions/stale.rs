//! A reader that is behind the log and answers all the same is found; one that waits for the log's end is not.

use std::net::Ipv4Addr;
use std::time::Duration;

use mooring_tests::client::Client;
use mooring_tests::cluster::{Cluster, Options, Part, Peer};
use mooring_tests::figures::{seed, show};
use mooring_tests::lab;
use mooring_tests::load::{Cell, Done, Load, Manner, Shape};
use mooring_tests::proxy::Weather;

const PATIENT: Duration = Duration::from_secs(60);
/// How much later than binding resource hears from NATS.
const BEHIND: Duration = Duration::from_millis(50);
const CONTENDED: Shape = Shape { eips: 2, havips: 2, clients: 3 };

/// What clients are told by a cluster whose resource is behind.
fn told(environment: &[(&str, &str)]) -> Done {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = Options { environment: environment.collect(), proxies: true, ..Options::default() };
    let cluster = Cluster::with(options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let cells = runtime.block_on(async {
        let client = Client::of(&cluster.servers(0)).unwrap();
        client.pool(lab::EIP_POOL).await.unwrap();
        let vpc = client.vpc("blue").await.unwrap();
        let subnet = client.subnet(&vpc, "web", lab::SUBNET).await.unwrap();
        let mut addresses = (100..).map(|last| Ipv4Addr::new(10, 0, 1, last));
        vec![Cell::create(&client, CONTENDED, &subnet, &[], &mut addresses).await.unwrap()]
    });
    let weather = |by| cluster.ways.one(Part::Resource, Peer::Nats).unwrap().weather(Weather::slow(by));
    weather(BEHIND);
    let manner = Manner { thinking: Duration::from_millis(10), ..Manner::default() };
    let load = Load::start(cells, cluster.servers(0), seed("stale"), manner);
    load.wait_answered(100, PATIENT).unwrap();
    weather(Duration::ZERO);
    load.finish().unwrap()
}

#[test]
fn what_a_service_far_from_nats_tells_can_have_happened_and_a_stale_answer_is_found() {
    let operations = told(&[]).is_linearizable().unwrap();
    show(&format!(
        "stale: an order explains the answers of all {operations} calls, resource {BEHIND:?} behind"
    ));
    let found = told(&[("MOORING_PLANT", "eip.stale")]).is_linearizable().unwrap_err().to_string();
    assert!(found.contains("no order explains this answer"), "{found}");
    show(&format!("stale: the planted fault was found: {}", found.lines().next().unwrap()));
}
