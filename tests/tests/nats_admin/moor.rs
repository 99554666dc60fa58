//! `moor log …` as an administrator runs it: no service is there to be asked.

use std::path::Path;
use std::process::{Command, Stdio};

use mooring_tests::server::Answer;
use mooring_tests::server::program;

/// A run of `moor` for region `r1`, ready to start.
pub fn command(line: &str) -> Command {
    let mut command = Command::new(program("moor").unwrap());
    command.args(line.split_whitespace()).env_remove("MOORING_SERVER").env("MOORING_REGION", "r1");
    command.stdin(Stdio::null());
    command
}

pub fn moor(line: &str) -> Answer {
    let done = command(line).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let exit = done.status.code().unwrap();
    Answer { line: line.to_owned(), exit, out: text(done.stdout), error: text(done.stderr) }
}

/// The flags of a user whose password `moor log users` wrote into a folder.
pub fn login(passwords: &Path, user: &str) -> String {
    format!("--nats-user {user} --nats-password-file {}", passwords.join(user).display())
}
