//! What a process is told, and what it says about what it can't be told.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mooring_tests::server::{own_folder, program};

const SERVICES: [&str; 4] =
    ["mooring-resource", "mooring-binding", "mooring-health", "mooring-dataplane-sync"];

/// How a run ended: the exit code, stdout and stderr.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    error: String,
}

fn run(name: &str, line: &str, environment: &[(&str, &str)]) -> Ended {
    // One that starts although it should not is ended.
    let mut command = Command::new("timeout");
    command
        .arg("20")
        .arg(program(name).unwrap())
        .args(line.split_whitespace())
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    let done = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: done.status.code(), out: text(done.stdout), error: text(done.stderr) }
}

/// What a service needs besides the log.
fn peers(name: &str) -> &'static str {
    match name {
        "mooring-binding" => "--resource http://127.0.0.1:1",
        "mooring-dataplane-sync" => "--gateway gw-1 --binding http://127.0.0.1:1 --health http://127.0.0.1:1",
        _ => "",
    }
}

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("settings.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn every_service_prints_what_is_in_effect_with_its_source_and_no_password() {
    let folder = own_folder().unwrap();
    let text = "region = ['r1', 'r2']\nlog = 'nats://me:secret@h1:4222,nats://h2:4222'\ntrust-nats = true\n";
    let config = file(folder.path(), text);
    for (name, port) in SERVICES.into_iter().zip(7441..) {
        let line = format!("--print-config --data /somewhere {}", peers(name));
        let environment = [("MOORING_CONFIG", config.as_str()), ("MOORING_NATS_MONITOR", "http://h1:8222")];
        let Ended { code, out, error } = run(name, &line, &environment);
        assert_eq!(code, Some(0), "{name}: {error}");
        for expected in [
            format!("listen = \"127.0.0.1:{port}\" # default"),
            "data = \"/somewhere\" # flag --data".to_owned(),
            format!("region = [\"r1\", \"r2\"] # file {config}"),
            format!("log = \"nats://***@h1:4222,nats://h2:4222\" # file {config}"),
            "nats-monitor = [\"http://h1:8222\"] # environment MOORING_NATS_MONITOR".to_owned(),
            format!("trust-nats = true # file {config}"),
            "insecure = false # default".to_owned(),
            "# nats-user is not set".to_owned(),
        ] {
            assert!(out.lines().any(|line| line == expected), "{name}: {expected} is not in\n{out}");
        }
        assert!(!out.contains("secret"), "{out}");
    }
    let Ended { code, out, .. } = run("mooringd", "--print-config --data /somewhere --region r1", &[]);
    assert_eq!(code, Some(0));
    assert!(out.lines().any(|line| line == "log = \"file:\" # default"), "{out}");
}

#[test]
fn wrong_usage_is_named_and_ends_with_2() {
    let folder = own_folder().unwrap();
    let data = folder.path().join("data").display().to_string();
    let good = format!("--data {data} --region r1 --log nats://127.0.0.1:1 --trust-nats");
    for (name, line, words) in [
        ("mooring-resource", format!("--data {data} --region r1"), vec!["--log"]),
        (
            "mooring-resource",
            good.replace("nats://127.0.0.1:1", "file:"),
            vec!["--log", "mooringd", "nats://HOST:PORT"],
        ),
        ("mooring-health", format!("{good} --region R1"), vec!["'R1' for '--region"]),
        ("mooring-binding", good.clone(), vec!["--resource <URL>"]),
        ("mooring-binding", format!("{good} --resource binding:1"), vec!["--resource", "http://HOST:PORT"]),
        ("mooring-dataplane-sync", format!("{good} --gateway GW"), vec!["'GW' for '--gateway"]),
        ("mooringd", format!("--data {data} --region r1 --log file:/x"), vec!["--log", "--data"]),
    ] {
        let ended = run(name, &line, &[]);
        assert_eq!(ended.code, Some(2), "{name} {line}: {ended:?}");
        for word in words {
            assert!(ended.error.contains(word), "{word:?} is not said by {name} {line}: {ended:?}");
        }
    }
    assert!(!Path::new(&data).exists(), "nothing was begun");
}

#[test]
fn a_wrong_value_is_named_with_its_variable_or_its_key_and_the_file() {
    let folder = own_folder().unwrap();
    let line = "--data /somewhere --region r1 --log nats://127.0.0.1:1 --trust-nats";
    let ended = run("mooring-resource", line, &[("MOORING_LISTEN", "nowhere")]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.error.contains("MOORING_LISTEN: invalid value 'nowhere'"), "{ended:?}");
    for (text, words) in [
        ("listen = 'nowhere'", "key listen: invalid value 'nowhere'"),
        ("regions = ['r1']", "key regions: there is no such key"),
        ("trust-nats = 'yes'", "key trust-nats: must be true or false"),
    ] {
        let config = file(folder.path(), text);
        let ended = run("mooring-resource", &format!("{line} --config {config}"), &[]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.error.contains(&format!("{config}, {words}")), "{ended:?}");
    }
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_not_set() {
    let line = "--print-config --data /somewhere --region r1 --log nats://127.0.0.1:1 --trust-nats";
    let empty = [("MOORING_LISTEN", ""), ("MOORING_NATS_CREDENTIALS", ""), ("MOORING_INSECURE", "")];
    let ended = run("mooring-resource", line, &empty);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("listen = \"127.0.0.1:7441\" # default\n"), "{ended:?}");
}

#[test]
fn settings_that_do_not_go_together_are_named_and_end_with_1() {
    let folder = own_folder().unwrap();
    let data = folder.path().join("data").display().to_string();
    let log = format!("--data {data} --listen 127.0.0.1:0 --region r1 --log nats://127.0.0.1:1");
    for (line, words) in [
        (log.clone(), vec!["--nats-monitor", "--trust-nats"]),
        (format!("{log} --trust-nats --nats-user me"), vec!["--nats-user", "--nats-password-file"]),
        (format!("{log} --trust-nats --nats-credentials /nowhere"), vec!["--nats-credentials", "/nowhere"]),
        (format!("{log} --trust-nats --region r1"), vec!["--region r1 is given twice"]),
        (
            format!("{log} --trust-nats --listen 0.0.0.0:0").replace("--listen 127.0.0.1:0 ", ""),
            vec!["--insecure"],
        ),
    ] {
        let ended = run("mooring-resource", &line, &[]);
        assert_eq!(ended.code, Some(1), "{line}: {ended:?}");
        let errors: Vec<_> = ended.error.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(errors.len(), 1, "one clear error: {ended:?}");
        for word in words {
            assert!(errors[0].contains(word), "{word:?} is not in {}", errors[0]);
        }
    }
}

#[test]
fn every_setting_of_every_process_is_in_the_documentation() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    for name in SERVICES.into_iter().chain(["mooringd"]) {
        let line = format!("--print-config --data /x --region r1 --log nats://h:1 {}", peers(name));
        let printed = run(name, &line, &[]).out;
        let keys = printed.lines().filter_map(|line| line.trim_start_matches("# ").split(' ').next());
        let keys: Vec<_> = keys.collect();
        assert!(keys.len() > 10, "{name}: {printed}");
        for key in keys {
            assert!(page.contains(&format!("| `--{key}`")), "{name}: --{key}");
            assert!(page.contains(&format!("| `{key}`")), "{name}: {key}");
        }
    }
}
