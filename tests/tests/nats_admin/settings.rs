//! A region's JetStream stream is made once, read back, and refused when it is not as it must be.

use futures::StreamExt;
use mooring_event_log::jetstream::admin::{AdminError, check, init};
use mooring_event_log::jetstream::connect::Connected;
use mooring_event_log::jetstream::settings::wanted;
use mooring_tests::{NatsServer, nats::Options};
use serde_json::{Value, json};

use super::given::{connect, url_of};

/// Asks the JetStream API as any client can.
async fn api(at: &Connected, subject: &str, request: Value) -> Value {
    let answer = at.client.request(format!("$JS.API.{subject}"), request.to_string().into()).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test]
async fn making_it_again_changes_nothing_and_every_start_finds_it() {
    let mut server = NatsServer::start().unwrap();
    let at = connect(&server.url()).await;
    let made = init(&at, "r1", 1).await.unwrap();
    assert!(made.made && made.name == "mooring-r1" && made.last == 0, "{made:?}");
    let again = init(&at, "r1", 1).await.unwrap();
    assert_eq!((again.made, &again.created), (false, &made.created));
    assert_eq!(check(&at, "r1").await.unwrap(), again);
    server.restart().unwrap();
    let at = connect(&server.url()).await;
    assert_eq!(check(&at, "r1").await.unwrap(), again);
}

#[tokio::test]
async fn one_that_is_missing_says_how_it_is_made() {
    let server = NatsServer::start().unwrap();
    let at = connect(&server.url()).await;
    let error = check(&at, "r1").await.unwrap_err();
    assert!(!error.retryable());
    let url = server.url();
    let expected = format!(
        "there is no JetStream stream mooring-r1 at {url}; an administrator makes it: moor log init {url} --region r1"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn one_with_other_settings_is_refused_with_every_difference_and_left_as_it_is() {
    let server = NatsServer::start().unwrap();
    let at = connect(&server.url()).await;
    let mut other = wanted("r1", 1);
    (other["deny_delete"], other["max_msgs"]) = (json!(false), json!(1000));
    assert_eq!(api(&at, "STREAM.CREATE.mooring-r1", other).await["error"], Value::Null);
    for error in [init(&at, "r1", 1).await.unwrap_err(), check(&at, "r1").await.unwrap_err()] {
        let expected = format!(
            "JetStream stream mooring-r1 at {} has other settings:\n  \
             setting deny_delete: wanted true, the server has false\n  \
             setting max_msgs: wanted -1, the server has 1000",
            server.url()
        );
        assert_eq!(error.to_string(), expected);
    }
    let found = api(&at, "STREAM.INFO.mooring-r1", Value::Null).await;
    assert_eq!(found["config"]["max_msgs"], 1000);
}

#[tokio::test]
async fn one_of_another_name_on_the_same_subjects_is_named() {
    let server = NatsServer::start().unwrap();
    let at = connect(&server.url()).await;
    let mut other = wanted("r1", 1);
    (other["name"], other["subjects"]) = (json!("spy"), json!(["mooring.>"]));
    assert_eq!(api(&at, "STREAM.CREATE.spy", other).await["error"], Value::Null);
    let error = init(&at, "r1", 1).await.unwrap_err().to_string();
    assert!(error.contains("subjects mooring.r1.* are taken by JetStream stream spy"), "{error}");
}

#[tokio::test]
async fn it_can_be_made_on_as_many_servers_as_there_are_and_no_more() {
    let server = NatsServer::start().unwrap();
    let at = connect(&server.url()).await;
    let error = init(&at, "r1", 3).await.unwrap_err().to_string();
    assert!(error.contains("making JetStream stream mooring-r1: "), "{error}");
    assert!(error.contains("replicas > 1 not supported"), "{error}");
}

#[tokio::test]
async fn a_server_without_jetstream_is_said() {
    let server = NatsServer::with(Options { jetstream: false, ..Options::default() }).unwrap();
    let at = connect(&server.url()).await;
    let error = check(&at, "r1").await.unwrap_err();
    assert!(error.to_string().contains("has no JetStream"), "{error}");
    assert!(!error.retryable());
}

#[tokio::test]
async fn an_account_without_jetstream_is_said() {
    let extra = "accounts { app: { users: [{ user: ann, password: x }] } }\n".to_owned();
    let server = NatsServer::with(Options { extra, ..Options::default() }).unwrap();
    let at = connect(&url_of(&server, "ann:x")).await;
    let error = check(&at, "r1").await.unwrap_err();
    assert!(error.to_string().contains("has no JetStream"), "{error}");
}

#[tokio::test]
async fn a_login_that_may_not_make_it_is_said_at_once() {
    let extra = "authorization { users: [{ user: ann, password: x, permissions: \
                 { publish: [\"$JS.API.STREAM.INFO.mooring-r1\"], subscribe: \"_INBOX.>\" } }] }\n";
    let server = NatsServer::with(Options { extra: extra.to_owned(), ..Options::default() }).unwrap();
    let at = connect(&url_of(&server, "ann:x")).await;
    let error = init(&at, "r1", 1).await.unwrap_err();
    assert!(error.to_string().ends_with("ann may not use $JS.API.STREAM.CREATE.mooring-r1"), "{error}");
    assert!(!error.retryable());
    let error = init(&at, "r2", 1).await.unwrap_err();
    assert!(error.to_string().ends_with("ann may not use $JS.API.STREAM.INFO.mooring-r2"), "{error}");
}

#[tokio::test]
async fn a_server_that_takes_no_messages_as_large_as_a_record_is_refused() {
    let extra = "max_payload: 100KB\n".to_owned();
    let server = NatsServer::with(Options { extra, ..Options::default() }).unwrap();
    let at = connect(&server.url()).await;
    init(&at, "r1", 1).await.unwrap();
    let error = check(&at, "r1").await.unwrap_err().to_string();
    assert!(error.contains("takes messages of 102400 bytes (max_payload)"), "{error}");
}

/// A server that does not know a setting: it takes the request, and leaves the setting out. Played on the real wire
/// by a client that answers for the JetStream that this server does not have.
#[tokio::test]
async fn a_server_that_drops_a_setting_it_does_not_know_is_refused() {
    let server = NatsServer::with(Options { jetstream: false, ..Options::default() }).unwrap();
    let old = connect(&server.url()).await;
    let mut asked = old.client.subscribe("$JS.API.STREAM.*.mooring-r1").await.unwrap();
    old.client.flush().await.unwrap();
    let played = tokio::spawn(async move {
        let mut config = None;
        while let Some(message) = asked.next().await {
            if message.subject.contains("CREATE") {
                let mut kept: Value = serde_json::from_slice(&message.payload).unwrap();
                kept.as_object_mut().unwrap().remove("deny_purge");
                config = Some(kept);
            }
            let answer = match &config {
                Some(config) => {
                    json!({"config": config, "created": "2026-11-21T00:00:00Z", "state": {"last_seq": 0}})
                }
                None => {
                    json!({"error": {"code": 404, "err_code": 10_059, "description": "stream not found"}})
                }
            };
            let reply = message.reply.unwrap();
            old.client.publish(reply, answer.to_string().into()).await.unwrap();
        }
    });
    let at = connect(&server.url()).await;
    let error = init(&at, "r1", 1).await.unwrap_err();
    assert!(matches!(error, AdminError::Different { .. }), "{error}");
    let error = error.to_string();
    assert!(
        error.ends_with("\n  setting deny_purge: wanted true, the server has no such setting"),
        "{error}"
    );
    played.abort();
}
