//! What counts before what, and what is said about a wrong value.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, net::SocketAddr, path::Path};

use clap::{Args, Parser, builder::BoolishValueParser};

use super::{Asked, ConfigArgs, read};

/// `PATH` stands for a setting's own variable: a test can't set one, and this one is always there.
#[derive(Debug, Parser)]
#[command(name = "story")]
struct Story {
    #[arg(long, default_value = "127.0.0.1:7441")]
    listen: SocketAddr,
    #[arg(long = "region", value_delimiter = ',', required = true)]
    regions: Vec<String>,
    #[arg(long, env = "PATH")]
    search: String,
    #[arg(long, value_parser = BoolishValueParser::new())]
    insecure: bool,
    #[command(flatten)]
    more: More,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Args)]
struct More {
    #[arg(long)]
    nats_user: Option<String>,
}

/// A variable that does not hold what is wanted.
#[derive(Debug, Parser)]
struct Wrong {
    #[arg(long, env = "PATH")]
    listen: SocketAddr,
    #[command(flatten)]
    config: ConfigArgs,
}

fn line(words: &str) -> Vec<std::ffi::OsString> {
    std::iter::once("story").chain(words.split_whitespace()).map(Into::into).collect()
}

fn told(words: &str) -> Result<Story, String> {
    match read(line(words)) {
        Ok(Asked::Run(story)) => Ok(story),
        Ok(Asked::Print(text)) => Err(text),
        Err(error) => Err(error.to_string()),
    }
}

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("story.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn flags_count_before_the_environment_before_the_file_before_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(
        folder.path(),
        "listen = '127.0.0.1:1'\nsearch = 'file'\nregion = ['r1', 'r2']\ninsecure = true\nnats-user = 'me'\n",
    );
    let story = told(&format!("--config {path} --listen 127.0.0.1:2")).unwrap();
    assert_eq!(story.listen.port(), 2, "the flag");
    assert_eq!(story.search, std::env::var("PATH").unwrap(), "the environment");
    assert_eq!(story.regions, ["r1", "r2"], "the file, also for what is required");
    assert!(story.insecure && story.more.nats_user.as_deref() == Some("me"));
    let story = told(&format!("--search flag --config={path} --region r3")).unwrap();
    assert_eq!((story.search.as_str(), story.regions), ("flag", vec!["r3".to_owned()]));
    assert_eq!(told("--region r1").unwrap().listen.port(), 7441, "the default");
}

#[test]
fn what_is_missing_everywhere_is_a_usage_error() {
    assert!(told("").unwrap_err().contains("--region <REGIONS>"));
}

#[test]
fn a_key_that_is_none_is_named_with_the_file_and_the_keys_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    for key in ["regions", "config", "print-config", "nats_user"] {
        let path = file(folder.path(), &format!("{key} = 'x'\n"));
        let error = told(&format!("--config {path} --region r1")).unwrap_err();
        assert!(error.contains(&format!("{path}, key {key}: ")), "{error}");
        assert!(error.contains("nats-user"), "{error}");
    }
}

#[test]
fn a_wrong_value_is_named_with_the_place_it_stands_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "listen = 'nowhere'\n");
    let error = told(&format!("--config {path} --region r1")).unwrap_err();
    assert!(error.contains(&format!("{path}, key listen: ")) && error.contains("'nowhere'"), "{error}");
    let error = told(&format!("--config {path} --region r1 --listen neither")).unwrap_err();
    assert!(error.contains("'neither' for '--listen") && !error.contains(&path), "{error}");
    let error = read::<Wrong>(line("")).unwrap_err().to_string();
    assert!(error.contains("PATH: invalid value"), "{error}");
}

#[test]
fn a_value_of_another_kind_is_named_too() {
    let folder = tempfile::tempdir().unwrap();
    for (text, rule) in [
        ("insecure = 'yes'", "key insecure: must be true or false"),
        ("listen = ['127.0.0.1:1']", "key listen: must be one value"),
        ("listen = 1.5", "key listen: must be a text"),
        ("[listen]\nport = 1", "key listen: must be a text"),
        ("listen = ", "story.toml: TOML parse error"),
    ] {
        let path = file(folder.path(), text);
        let error = told(&format!("--config {path} --region r1")).unwrap_err();
        assert!(error.contains(rule), "{text}: {error}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = told("--config /nowhere/story.toml --region r1").unwrap_err();
    assert!(error.contains("/nowhere/story.toml"), "{error}");
}

#[test]
fn what_is_in_effect_is_printed_with_its_source_and_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "region = ['r1', 'r2']\ninsecure = true\n");
    let text = told(&format!("--print-config --config {path} --listen 127.0.0.1:2")).unwrap_err();
    for expected in [
        "listen = \"127.0.0.1:2\" # flag --listen".to_owned(),
        format!("region = [\"r1\", \"r2\"] # file {path}"),
        format!("insecure = true # file {path}"),
        "# nats-user is not set".to_owned(),
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected} is not in\n{text}");
    }
    assert!(text.contains(" # environment PATH\n"), "{text}");
    let path = file(folder.path(), &text);
    let again = told(&format!("--config {path}")).unwrap();
    assert_eq!((again.listen.port(), again.regions.len(), again.insecure), (2, 2, true));
}
