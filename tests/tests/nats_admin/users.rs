//! `moor log users`: a server that is started with exactly what it prints lets each service do its work, and nothing
//! else.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use mooring_event_log::jetstream::connect::{Connected, Login, Servers};
use mooring_event_log::jetstream::durability::Durability;
use mooring_event_log::jetstream::{self, JetStream};
use mooring_event_log::{Commit, EventLog, Filter, LogError, Position, StreamName};
use mooring_tests::{NatsServer, nats::Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::moor::{login, moor};

const SERVICES: [&str; 3] = ["resource", "binding", "health"];

/// A server with the printed users, whose passwords are in the folder, and with the region's JetStream stream.
fn prepared() -> (TempDir, NatsServer) {
    let passwords = tempfile::tempdir().unwrap();
    let printed = moor(&format!("log users --passwords {}", passwords.path().display()));
    assert_eq!(printed.exit, 0, "{}", printed.error);
    let server = NatsServer::with(Options { extra: printed.out, ..Options::default() }).unwrap();
    let done = moor(&format!("log init {} {}", server.url(), login(passwords.path(), "mooring-admin")));
    assert_eq!(done.exit, 0, "{}", done.error);
    (passwords, server)
}

fn servers(server: &NatsServer, passwords: &Path, user: &str) -> Servers {
    let user = format!("mooring-{user}");
    let password_file = Some(passwords.join(&user));
    let login = Login { user: Some(user), password_file, ..Login::default() };
    Servers::parse("--log", &server.url(), &login).unwrap()
}

async fn open(server: &NatsServer, passwords: &Path, user: &str, copy: &Path) -> Arc<JetStream> {
    let password = std::fs::read_to_string(passwords.join("mooring-monitor")).unwrap();
    let monitor = format!("nats://mooring-monitor:{}@{}", password.trim(), server.address());
    let options = jetstream::Options {
        servers: servers(server, passwords, user),
        durability: Durability::parse(&[monitor], false, &Login::default()).unwrap(),
        region: "r1".to_owned(),
        copy: copy.join(user),
        segments: Default::default(),
        writes: BTreeSet::new(),
    };
    JetStream::open(options, &[]).await.unwrap()
}

pub fn commit(text: &str) -> Commit {
    Commit {
        id: uuid::Uuid::now_v7(),
        request_id: None,
        request_hash: Default::default(),
        actor: "ann".into(),
        recorded_at: 1,
        observed_at: None,
        trace_parent: "".into(),
        events: vec![text.to_owned().into()],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_writes_its_own_stream_and_reads_all_of_them() {
    let (passwords, server) = prepared();
    let copies = tempfile::tempdir().unwrap();
    let mut logs = Vec::new();
    for (n, service) in SERVICES.into_iter().enumerate() {
        let log = open(&server, passwords.path(), service, copies.path()).await;
        let landed = log.append(&StreamName::new(service), Position(0), vec![commit(service)]).await;
        assert_eq!(landed, Ok(Position(n as u64 + 1)), "{service}");
        logs.push(log);
    }
    logs.push(open(&server, passwords.path(), "dataplane-sync", copies.path()).await);
    for log in &logs {
        let records = log.read(&Filter::All, Position(0), 10).await.unwrap();
        let streams: Vec<_> = records.iter().map(|record| record.stream.as_str()).collect();
        assert_eq!(streams, SERVICES);
    }
    for (log, own) in logs.iter().zip(["resource", "binding", "health", "dataplane-sync"]) {
        for other in SERVICES.into_iter().filter(|other| *other != own) {
            let position = Position(SERVICES.iter().position(|name| *name == other).unwrap() as u64 + 1);
            let refused = log.append(&StreamName::new(other), position, vec![commit("forged")]).await;
            assert!(matches!(refused, Err(LogError::Refused(_))), "{own} in {other}: {refused:?}");
        }
    }
    for log in logs {
        assert_eq!(log.tail().await.unwrap().position, Position(3));
        log.close().await;
    }
}

/// What the server complains about once this was published; nothing if it answers.
async fn complaint(at: &Connected, subject: &str, request: Value) -> Option<String> {
    let payload = request.to_string();
    let asked = at.client.request(subject.to_owned(), payload.into());
    tokio::select! {
        answer = asked => { answer.unwrap(); None }
        forbidden = forbidden(at, subject) => Some(forbidden),
    }
}

async fn forbidden(at: &Connected, subject: &str) -> String {
    let mut link = at.link.clone();
    let quoted = format!("\"{subject}\"");
    let complained = link.wait_for(|link| link.trouble.as_ref().is_some_and(|why| why.contains(&quoted)));
    complained.await.unwrap().trouble.clone().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_service_can_change_empty_or_delete_what_is_kept() {
    let (passwords, server) = prepared();
    for service in ["resource", "binding", "health", "dataplane-sync"] {
        let at = servers(&server, passwords.path(), service).connect("test").await.unwrap();
        for subject in [
            "$JS.API.STREAM.DELETE.mooring-r1",
            "$JS.API.STREAM.PURGE.mooring-r1",
            "$JS.API.STREAM.UPDATE.mooring-r1",
            "$JS.API.STREAM.CREATE.mooring-r1",
            "$JS.API.STREAM.CREATE.another",
            "$JS.API.STREAM.MSG.DELETE.mooring-r1",
            "$JS.API.STREAM.RESTORE.mooring-r1",
            "$JS.API.STREAM.INFO.mooring-r2",
            "mooring.r2.resource",
        ] {
            let said = complaint(&at, subject, json!({"name": "mooring-r1"})).await;
            let said = said.unwrap_or_else(|| panic!("mooring-{service} may publish on {subject}"));
            assert!(said.to_lowercase().contains("permissions violation for publish"), "{said}");
        }
        let known = complaint(&at, "$JS.API.STREAM.INFO.mooring-r1", Value::Null).await;
        assert_eq!(known, None, "what it needs is allowed");
    }
}

/// A consumer delivers to a subject that its maker names: it must not be one that the maker may not write to.
#[tokio::test(flavor = "multi_thread")]
async fn no_service_can_have_the_server_write_into_the_stream_of_another() {
    let (passwords, server) = prepared();
    let at = servers(&server, passwords.path(), "resource").connect("test").await.unwrap();
    let consumer = json!({
        "stream_name": "mooring-r1",
        "config": {"deliver_subject": "mooring.r1.binding", "ack_policy": "none", "deliver_policy": "all"},
    });
    let subject = "$JS.API.CONSUMER.CREATE.mooring-r1";
    let answer = at.client.request(subject, consumer.to_string().into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(answer["error"]["err_code"], 10081, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_can_not_be_deleted_by_the_administrator_of_mooring_either() {
    let (passwords, server) = prepared();
    let at = servers(&server, passwords.path(), "admin").connect("test").await.unwrap();
    for subject in ["DELETE", "PURGE", "UPDATE", "MSG.DELETE"] {
        let subject = format!("$JS.API.STREAM.{subject}.mooring-r1");
        assert!(complaint(&at, &subject, Value::Null).await.is_some(), "{subject}");
    }
}

#[test]
fn passwords_are_made_once_and_only_their_owner_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let passwords = folder.path().join("made");
    let line = format!("log users --passwords {} -o json", passwords.display());
    let first = moor(&line).json().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&passwords), 0o700);
    let users: Vec<_> = first["users"].as_array().unwrap().iter().collect();
    assert_eq!(users.len(), 5);
    let distinct: BTreeSet<_> = users.iter().map(|user| user["password"].as_str().unwrap()).collect();
    assert_eq!(distinct.len(), 5);
    for user in users {
        let file = passwords.join(user["user"].as_str().unwrap());
        assert_eq!(mode(&file), 0o600);
        assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), user["password"]);
    }
    assert_eq!(moor(&line).json().unwrap(), first, "a region that is added changes no password");
    std::fs::write(passwords.join("mooring-health"), "with \"quotes\"\n").unwrap();
    let refusal = moor(&line).refusal().unwrap();
    assert!(refusal.message.contains("mooring-health must have one line of visible"), "{}", refusal.message);
}

#[test]
fn a_second_region_is_one_more_subject_of_the_same_users() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("log users r1 r2 --passwords {}", folder.path().display());
    let block = moor(&line).out;
    let server = NatsServer::with(Options { extra: block, ..Options::default() }).unwrap();
    let done = moor(&format!("log init {} r1 r2 {}", server.url(), login(folder.path(), "mooring-admin")));
    assert_eq!(done.exit, 0, "{}", done.error);
}
