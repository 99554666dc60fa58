//! Short commands: what they say, as text, within a time.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::run::{self, Reach};

/// The longest that one short command may take, in seconds.
const MOST: &str = "120";
const PAUSE: Duration = Duration::from_millis(200);

/// Runs it to its end and gives its output, trimmed. Its error output is the error.
pub fn output(command: &Command) -> Result<String> {
    let said = format!("{command:?}");
    let mut limited = Command::new("timeout");
    limited.args(["--kill-after=5", MOST]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.current_dir(command.get_current_dir().unwrap_or(crate::tree::root()));
    let mut running = run::start(limited.stdout(Stdio::piped()).stderr(Stdio::piped()), Reach::Group)?;
    let complaints = running.child.stderr.take().context("it has no error output")?;
    let complaints = std::thread::spawn(move || text(complaints));
    let out = text(running.child.stdout.take().context("it has no output")?);
    let status = running.child.wait().with_context(|| said.clone())?;
    if !status.success() {
        let complaints = complaints.join().unwrap_or_default();
        bail!("{said} ended with {status}: {} {}", out.trim(), complaints.trim());
    }
    Ok(out.trim().to_owned())
}

fn text(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    // What came before a broken pipe is all there is.
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where a program is, for which an error at once is better than a strange one later.
pub fn in_path(program: &str) -> Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.with_context(|| format!("{program} is not installed: `cargo xtask setup` does that"))
}

/// Asks again and again until the answer is good, and says how long that took; the last bad one is the error. An
/// interrupt ends it.
pub fn until<T>(what: &str, most: Duration, mut ask: impl FnMut() -> Result<T>) -> Result<(T, Duration)> {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(good) => return Ok((good, begun.elapsed())),
            Err(last) => {
                run::go_on()?;
                if begun.elapsed() > most {
                    return Err(last.context(format!("waited {} s for {what}", most.as_secs())));
                }
            }
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_says_is_given_and_what_it_complains_of_is_the_error() {
        assert_eq!(output(Command::new("sh").args(["-c", "echo fine"])).unwrap(), "fine");
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("why"), "{error:#}");
    }

    #[test]
    fn waiting_ends_with_the_last_bad_answer() {
        let mut asked = 0;
        let good = until("three", Duration::from_secs(5), || {
            asked += 1;
            if asked == 3 { Ok(asked) } else { bail!("only {asked}") }
        });
        assert_eq!(good.unwrap().0, 3);
        let error = until("it", Duration::ZERO, || -> Result<()> { bail!("nothing there") }).unwrap_err();
        assert!(format!("{error:#}").contains("nothing there"), "{error:#}");
    }
}
