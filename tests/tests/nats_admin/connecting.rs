//! Wrong servers, wrong logins, wrong TLS: each is said, and whether another try can help.

use std::time::Duration;

use mooring_event_log::jetstream::connect::{Login, Servers};
use mooring_tests::{NatsServer, nats::Options};

use super::given::{certificates, connect, refused, servers, url_of};

fn with_users() -> NatsServer {
    let extra = "authorization { users: [{ user: ann, password: right }] }\n".to_owned();
    NatsServer::with(Options { extra, ..Options::default() }).unwrap()
}

#[tokio::test]
async fn a_server_that_is_not_there_can_come_later() {
    let mut server = NatsServer::start().unwrap();
    let url = server.url();
    server.stop().unwrap();
    let (again, why) = refused(&servers(&url)).await;
    assert!(again && why.starts_with(&format!("NATS at {url} can't be reached: ")), "{why}");
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_paused_server_is_given_up_and_can_come_later() {
    let server = NatsServer::start().unwrap();
    server.pause().unwrap();
    let (again, why) = refused(&servers(&server.url())).await;
    assert!(again && why.contains("can't be reached: timed out"), "{why}");
}

#[tokio::test]
async fn one_server_of_several_is_enough() {
    let (mut gone, here) = (NatsServer::start().unwrap(), NatsServer::start().unwrap());
    gone.stop().unwrap();
    for _ in 0..4 {
        connect(&format!("{},{}", gone.url(), here.url())).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_the_flags_and_without_the_password() {
    let server = with_users();
    connect(&url_of(&server, "ann:right")).await;
    for user in ["ann:wr0ng", "bob:wr0ng"] {
        let (again, why) = refused(&servers(&url_of(&server, user))).await;
        assert!(!again && why.contains("may not log in (--nats-user and --nats-password-file"), "{why}");
        assert!(!why.contains("wr0ng"), "{why}");
    }
    let (again, why) = refused(&servers(&server.url())).await;
    assert!(!again && why.contains("nobody may not log in"), "{why}");
}

#[tokio::test]
async fn tls_that_was_asked_for_is_never_given_up() {
    let server = NatsServer::start().unwrap();
    let (again, why) = refused(&servers(&format!("tls://{}", server.address()))).await;
    assert!(!again && why.contains("does not speak TLS, which was asked for"), "{why}");
}

#[tokio::test]
async fn a_server_with_tls_is_trusted_by_its_ca_only() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name);
    let extra =
        format!("tls {{ cert_file: {:?}, key_file: {:?} }}\n", file("server.pem"), file("server-key.pem"));
    let server = NatsServer::with(Options { extra, ..Options::default() }).unwrap();
    let trusting = |ca: &str| Login { ca: Some(file(ca)), ..Login::default() };
    let trusts = Servers::parse("--log", &server.url(), &trusting("ca.pem")).unwrap();
    trusts.connect("test").await.unwrap();
    certificates(folder.path());
    let another = Servers::parse("--log", &server.url(), &trusting("ca.pem")).unwrap();
    let (again, why) = refused(&another).await;
    assert!(
        !again && why.contains("TLS (--nats-ca, --nats-cert, --nats-key): invalid peer certificate"),
        "{why}"
    );
}

#[tokio::test]
async fn a_connection_tells_when_it_was_lost_and_made_again() {
    let mut server = NatsServer::start().unwrap();
    let mut connected = connect(&server.url()).await;
    let mut until = async |what: &str, up: bool, connects: u64| {
        let link = connected.link.wait_for(|link| link.connected == up && link.connects == connects);
        let met = tokio::time::timeout(Duration::from_secs(20), link).await.is_ok();
        assert!(met, "{what}: {:?}", *connected.link.borrow());
    };
    until("made", true, 1).await;
    server.kill9().unwrap();
    until("lost", false, 1).await;
    server.restart().unwrap();
    until("made again", true, 2).await;
    server.pause().unwrap();
    until("found silent", false, 2).await;
    server.resume().unwrap();
    until("made a third time", true, 3).await;
}
