//! `moor log init`: what it prints, and how it ends when it can't.

use mooring_tests::{NatsServer, nats::Options};
use serde_json::json;

use super::moor::moor;

#[test]
fn regions_are_made_once_and_found_from_then_on() {
    let server = NatsServer::start().unwrap();
    let made = moor(&format!("log init {}", server.url()));
    assert_eq!(made.exit, 0, "{}", made.error);
    let expected = "region r1: made JetStream stream mooring-r1, 1 replica; every setting was read back\n";
    assert_eq!(made.out, expected);
    let both = moor(&format!("log init {} r1 r2 -o json", server.url())).json().unwrap();
    let short: Vec<_> =
        both.as_array().unwrap().iter().map(|one| json!([one["region"], one["made"], one["last"]])).collect();
    assert_eq!(short, [json!(["r1", false, 0]), json!(["r2", true, 0])]);
    let again = moor(&format!("log init {}", server.url()));
    assert!(again.out.contains("JetStream stream mooring-r1 is there since "), "{}", again.out);
    assert!(again.out.ends_with("and ends at 0; every setting is as it must be\n"), "{}", again.out);
}

#[test]
fn what_can_not_be_done_ends_with_its_code_and_says_why() {
    let server = NatsServer::start().unwrap();
    let without = NatsServer::with(Options { jetstream: false, ..Options::default() }).unwrap();
    let (url, address) = (server.url(), server.address());
    let without = without.url();
    for (line, exit, reason, said) in [
        ("log init 127.0.0.1:x".to_owned(), 2, "USAGE", "URL: expected nats://HOST:PORT"),
        (format!("log init {url} --nats-user ann"), 2, "USAGE", "--nats-user: needs --nats-password-file"),
        (
            format!("log init {url} --nats-credentials /no/such"),
            2,
            "USAGE",
            "--nats-credentials: can't read /no/such",
        ),
        (format!("log init {url} Not/A/Region"), 2, "USAGE", "Not/A/Region"),
        (format!("log init {url} --replicas 0"), 2, "USAGE", "--replicas"),
        (format!("log init {url} --after 7"), 2, "USAGE", "--after"),
        ("log init nats://127.0.0.1:1".to_owned(), 4, "UNREACHABLE", "can't be reached"),
        (format!("log init tls://{address}"), 1, "LOGIN_REFUSED", "does not speak TLS"),
        (format!("log init {without}"), 1, "REFUSED", "has no JetStream"),
        (format!("log init {url} --replicas 3"), 1, "REFUSED", "replicas > 1 not supported"),
    ] {
        let refusal = moor(&format!("{line} -o json")).refusal().unwrap();
        assert_eq!((refusal.exit, &*refusal.reason), (exit, reason), "{line}: {}", refusal.message);
        assert!(refusal.message.contains(said), "{line}: {}", refusal.message);
    }
    assert_eq!(moor(&format!("log init {url}")).exit, 0);
    let refusal = moor(&format!("log init {url} --replicas 2 -o json")).refusal().unwrap();
    assert_eq!(&*refusal.reason, "OTHER_SETTINGS");
    assert!(
        refusal.message.contains("setting num_replicas: wanted 2, the server has 1"),
        "{}",
        refusal.message
    );
}
