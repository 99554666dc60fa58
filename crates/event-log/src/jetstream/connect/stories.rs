//! What flags are taken, what they are refused for, and that no password shows.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::{Login, Servers, wait_before};

fn parse(urls: &str, login: &Login) -> Result<Servers, String> {
    Servers::parse("--log", urls, login).map_err(|error| error.to_string())
}

fn refused(urls: &str) -> String {
    parse(urls, &Login::default()).unwrap_err()
}

fn file(folder: &TempDir, name: &str, text: &str) -> Option<PathBuf> {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    Some(path)
}

#[test]
fn several_addresses_are_one_nats() {
    let servers = parse("nats://a:4222, b:5222 ,tls://[::1]", &Login::default()).unwrap();
    assert_eq!(servers.to_string(), "nats://a:4222,nats://b:5222,tls://[::1]:4222");
    assert!(servers.tls, "one of them asks for TLS");
}

#[test]
fn an_address_that_is_none_is_refused_by_the_flags_name() {
    for urls in
        ["", "nats://", "http://a:4222", "ws://a:80", "nats://a:4222/b", "nats://a:70000", "nats://a,,b"]
    {
        let error = refused(urls);
        assert!(error.starts_with("--log: expected nats://HOST:PORT"), "{urls}: {error}");
    }
}

#[test]
fn a_password_shows_nowhere() {
    let servers = parse("nats://ann:s3cret%40@a:4222,nats://b", &Login::default()).unwrap();
    let shown = format!("{servers} {servers:?} {:?}", servers.options());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(format!("{servers:?}"), "nats://a:4222,nats://b:4222 as ann");
    let error = refused("nats://ann:s3cret@a:4222/x");
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn a_user_is_one_user() {
    assert!(refused("nats://ann:x@a,nats://bob:x@b").contains("different users"));
    let folder = TempDir::new().unwrap();
    let password_file = file(&folder, "password", "x\n");
    let login = Login { user: Some("bob".into()), password_file, ..Login::default() };
    assert_eq!(parse("nats://a", &login).unwrap().user(), "bob");
    assert!(parse("nats://ann:x@a", &login).unwrap_err().contains("more than one login"));
}

#[test]
fn a_flag_that_needs_another_says_which() {
    let user = Login { user: Some("ann".into()), ..Login::default() };
    assert_eq!(parse("nats://a", &user).unwrap_err(), "--nats-user: needs --nats-password-file");
    let folder = TempDir::new().unwrap();
    let cert = file(&folder, "cert", "-----BEGIN CERTIFICATE-----\n");
    let cert = Login { cert, ..Login::default() };
    assert_eq!(parse("nats://a", &cert).unwrap_err(), "--nats-cert: needs --nats-key");
}

#[test]
fn a_file_that_is_missing_or_something_else_is_refused_by_the_flags_name() {
    let folder = TempDir::new().unwrap();
    let gone = Some(folder.path().join("gone"));
    let other = file(&folder, "other", "hello\n");
    let with = |change: fn(&mut Login, Option<PathBuf>), path: &Option<PathBuf>| {
        let mut login = Login::default();
        change(&mut login, path.clone());
        parse("nats://a", &login).unwrap_err()
    };
    for (flag, change) in [
        ("--nats-ca", (|login, path| login.ca = path) as fn(&mut Login, Option<PathBuf>)),
        ("--nats-credentials", |login, path| login.credentials = path),
    ] {
        let error = with(change, &gone);
        assert!(error.starts_with(&format!("{flag}: can't read ")) && error.contains("gone"), "{error}");
        let error = with(change, &other);
        assert!(error.starts_with(&format!("{flag}: ")) && error.contains("other"), "{error}");
    }
}

#[test]
fn attempts_come_at_once_then_ever_more_slowly_but_once_a_second_at_least() {
    assert!(wait_before(1).is_zero());
    for attempt in 2..100 {
        assert!(wait_before(attempt).as_millis() <= 1_000);
    }
    assert!(wait_before(50).as_millis() >= 500);
}
