//! Clients that nobody here wrote: Python's gRPC, with stubs made of the protos and with nothing but server reflection,
//! lives the whole life of an EIP; `docs/guides/other-languages.md` is true; and buf finds the API in style and unbroken.
//! What they stand on is installed by `cargo xtask setup`, below `target/clients`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mooring_tests::Mooringd;
use mooring_tests::page::{blocks, guide};
use mooring_tests::server::Options;
use tempfile::TempDir;

/// When one of these programs is ended: each of its calls ends long before.
const SECONDS: &str = "120";
/// Where the page has its server.
const SERVER: &str = "127.0.0.1:7440";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn clients() -> PathBuf {
    repository().join("tests/clients")
}

/// A folder with a copy of the protos in it, as somebody has it who only has those.
fn folder_with_protos() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut copy = Command::new("cp");
    done(copy.arg("-r").arg(repository().join("proto")).arg(folder.path()));
    folder
}

/// A program out of what `cargo xtask setup` installed, to be run in that folder.
fn installed(program: &str, folder: &Path) -> Command {
    let bin = repository().join("target/clients/bin");
    assert!(bin.exists(), "{} is not there: run `cargo xtask setup`", bin.display());
    let mut command = Command::new("timeout");
    command.args(["--foreground", SECONDS, program]).current_dir(folder).stdin(Stdio::null());
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    // A proxy of this machine is for the world, not for loopback.
    command.env("no_grpc_proxy", "127.0.0.1").env("PYTHONDONTWRITEBYTECODE", "1");
    command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
    command
}

/// Runs it to its end.
fn ended(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, said)
}

/// Runs it to its end, which must be a good one. What it printed.
fn done(command: &mut Command) -> String {
    let (output, said) = ended(command);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}\n{error}", output.status);
    said
}

/// Runs one of our clients against a server of its own, in a folder where nothing else is.
fn lives(client: &str, more: &[&Path]) {
    let (server, folder) = (Mooringd::alone(Options::default()).unwrap(), tempfile::tempdir().unwrap());
    let mut python = installed("python", folder.path());
    let said = done(python.arg(clients().join(client)).arg(server.address()).args(more));
    assert!(said.ends_with("the EIP lived its whole life\n"), "{said}");
    // Not by its own word alone.
    let events = server.events().unwrap();
    let lived =
        events.iter().filter(|(kind, _)| kind == "bound" || kind == "unbound" || kind == "eip_released");
    let lived: Vec<&str> = lived.map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(lived, ["bound", "unbound", "eip_released", "eip_released"]);
}

#[test]
fn python_with_stubs_made_of_the_protos_lives_the_whole_life_of_an_eip() {
    let folder = folder_with_protos();
    let (protos, stubs) = (folder.path().join("proto"), folder.path().join("stubs"));
    std::fs::create_dir(&stubs).unwrap();
    let files = done(installed("find", &protos).args(["mooring", "-name", "*.proto"]));
    let mut make = installed("python", &protos);
    make.args(["-m", "grpc_tools.protoc", "--proto_path=."]);
    for kind in ["python_out", "grpc_python_out"] {
        make.arg(format!("--{kind}={}", stubs.display()));
    }
    done(make.args(files.lines()));
    lives("with_stubs.py", &[&stubs]);
}

#[test]
fn python_that_knows_nothing_but_server_reflection_lives_it_too() {
    lives("with_reflection.py", &[]);
}

#[test]
fn every_program_of_the_page_prints_what_the_page_says() {
    let page = guide("other-languages.md").unwrap();
    let (server, folder) = (Mooringd::alone(Options::default()).unwrap(), folder_with_protos());
    let (mut said, mut compared) = (String::new(), 0);
    for (kind, text) in blocks(&page) {
        match kind.as_str() {
            "text" => {
                assert_eq!(said, text);
                compared += 1;
            }
            "sh" => said = done(installed("bash", folder.path()).args(["-euc", &text])),
            "python" => {
                assert!(text.contains(SERVER), "it calls nobody: {text}");
                let program = text.replace(SERVER, server.address());
                said = done(installed("python", folder.path()).args(["-c", &program]));
            }
            other => panic!("a block of kind {other}"),
        }
    }
    assert!(compared > 0, "the page says nothing of what its programs print");
}

fn lint(folder: &Path) -> Command {
    let mut buf = installed("buf", folder);
    buf.args(["lint", "proto"]);
    buf
}

/// Against the API as it was released last; the page says when that is renewed, and how.
fn breaking(folder: &Path) -> Command {
    let mut buf = installed("buf", folder);
    buf.args(["breaking", "proto", "--against"]).arg(clients().join("released.binpb"));
    buf
}

#[test]
fn buf_finds_the_protos_in_style() {
    assert_eq!(done(&mut lint(repository())), "");
}

#[test]
fn whoever_has_stubs_of_the_released_api_can_keep_them() {
    assert_eq!(done(&mut breaking(repository())), "");
}

/// In a copy of the protos, changes a line of the resource service: what buf says then.
fn changed(from: &str, to: &str, buf: fn(&Path) -> Command) -> String {
    let folder = folder_with_protos();
    let file = folder.path().join("proto/mooring/resource/v1/resource_service.proto");
    let before = std::fs::read_to_string(&file).unwrap();
    assert!(before.contains(from), "there is no `{from}` any more");
    std::fs::write(&file, before.replacen(from, to, 1)).unwrap();
    let (output, said) = ended(&mut buf(folder.path()));
    assert!(!output.status.success(), "`{to}` instead of `{from}` was not found");
    said
}

#[test]
fn what_would_break_a_client_is_found() {
    let gone = changed("rpc ReleaseEip(ReleaseEipRequest) returns (ReleaseEipResponse);", "", breaking);
    assert!(gone.contains(r#"RPC "ReleaseEip" on service "ResourceService" was deleted"#), "{gone}");
    let renumbered = changed("string request_id = 3;", "string request_id = 99;", breaking);
    assert!(renumbered.contains(r#"field "3" with name "request_id""#), "{renumbered}");
    let renamed = changed("rpc GetEip(GetEipRequest)", "rpc get_eip(GetEipRequest)", lint);
    assert!(renamed.contains(r#"RPC name "get_eip" should be PascalCase"#), "{renamed}");
}
