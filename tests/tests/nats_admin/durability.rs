//! Whether a NATS syncs what it acknowledges is seen, and what can't be seen is refused.

use mooring_event_log::jetstream::connect::Login;
use mooring_event_log::jetstream::durability::Durability;
use mooring_tests::{NatsServer, nats::Options};

use super::given::{connect, url_of};

const ACCOUNTS: &str = "accounts { sys: { users: [{ user: root, password: x }] }, \
                        app: { jetstream: enabled, users: [{ user: ann, password: x }] } }\nsystem_account: sys\n";

fn asked(monitors: &[String]) -> Durability {
    Durability::parse(monitors, false, &Login::default()).unwrap()
}

/// Whether it can be otherwise later, and what was said.
async fn refused(durability: &Durability, server_id: &str) -> (bool, String) {
    let error = durability.verify(server_id).await.unwrap_err();
    (error.retryable(), error.to_string())
}

async fn id(url: &str) -> String {
    connect(url).await.client.server_info().server_id
}

#[tokio::test]
async fn a_server_that_syncs_always_is_taken_by_its_monitoring() {
    let server = NatsServer::start().unwrap();
    asked(&[server.monitor()]).verify(&id(&server.url()).await).await.unwrap();
    asked(&[server.monitor() + "/"]).verify(&id(&server.url()).await).await.unwrap();
}

#[tokio::test]
async fn a_server_that_syncs_every_two_minutes_is_refused_by_name() {
    for (interval, said) in [(None, "every 120s"), (Some("30s".to_owned()), "every 30s")] {
        let server = NatsServer::with(Options { sync_interval: interval, ..Options::default() }).unwrap();
        let (again, why) = refused(&asked(&[server.monitor()]), &id(&server.url()).await).await;
        assert!(!again && why.contains(&format!("NATS server test syncs {said}, not before it")), "{why}");
        assert!(why.starts_with("--nats-monitor: http://"), "{why}");
        assert!(why.ends_with("Set sync_interval: always in its jetstream { … }"), "{why}");
    }
}

#[tokio::test]
async fn the_system_account_vouches_as_well() {
    let mut server = NatsServer::with(Options { extra: ACCOUNTS.to_owned(), ..Options::default() }).unwrap();
    let durability = asked(&[url_of(&server, "root:x")]);
    durability.verify(&id(&url_of(&server, "ann:x")).await).await.unwrap();
    server.options().sync_interval = None;
    server.restart().unwrap();
    let (again, why) = refused(&durability, &id(&url_of(&server, "ann:x")).await).await;
    assert!(!again && why.contains("syncs every 120s"), "{why}");
    assert!(!why.contains("root:x"), "{why}");
}

#[tokio::test]
async fn a_user_of_another_account_vouches_for_nothing() {
    let server = NatsServer::with(Options { extra: ACCOUNTS.to_owned(), ..Options::default() }).unwrap();
    let (again, why) = refused(&asked(&[url_of(&server, "ann:x")]), "any").await;
    assert!(!again && why.ends_with("is ann a user of the system account?"), "{why}");
}

#[tokio::test]
async fn the_monitoring_of_another_server_vouches_for_nothing() {
    let (ours, other) = (NatsServer::start().unwrap(), NatsServer::start().unwrap());
    let id = id(&ours.url()).await;
    let (again, why) = refused(&asked(&[other.monitor()]), &id).await;
    assert!(!again && why.contains("shows other servers than the one we are connected to"), "{why}");
    assert!(why.contains(&id), "{why}");
    asked(&[other.monitor(), ours.monitor()]).verify(&id).await.unwrap();
}

#[tokio::test]
async fn monitoring_that_does_not_answer_can_later() {
    let mut server = NatsServer::start().unwrap();
    let id = id(&server.url()).await;
    let durability = asked(&[server.monitor()]);
    server.stop().unwrap();
    let (again, why) = refused(&durability, &id).await;
    assert!(again && why.starts_with("--nats-monitor: http://") && why.contains("can't be read: "), "{why}");
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn something_else_that_answers_is_no_monitoring() {
    let server = NatsServer::start().unwrap();
    // The port for clients: it greets whoever comes, and not in HTTP.
    let (again, why) = refused(&asked(&[format!("http://{}", server.address())]), "any").await;
    assert!(again && why.contains("can't be read"), "{why}");
}

#[test]
fn neither_a_monitor_nor_trust_is_refused_and_says_what_there_is() {
    let error = Durability::parse(&[], false, &Login::default()).unwrap_err().to_string();
    assert!(error.starts_with("--nats-monitor: is missing") && error.contains("--trust-nats"), "{error}");
    assert!(matches!(Durability::parse(&[], true, &Login::default()), Ok(Durability::Trusted)));
}

#[test]
fn an_address_that_is_no_monitor_is_refused_without_what_it_says() {
    for url in [
        "",
        "8222",
        "ftp://a",
        "http://",
        "http://ann:s3cret@a:8222",
        "http://a/varz",
        "https://a",
        "nats://",
    ] {
        let error = Durability::parse(&[url.to_owned()], false, &Login::default()).unwrap_err().to_string();
        assert!(error.starts_with("--nats-monitor: "), "{url}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
