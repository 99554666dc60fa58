//! Runs one test program: its output goes through as it comes, and is counted on the way.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::build::Program;
use super::count::Count;
use crate::run::{self, Reach};

/// How long what a test program started may hold its output open after it ended.
const AFTERLIFE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(100);

/// Runs it with that many tests at once. One that takes longer than `most` is ended and counts as failed.
pub fn run(program: &Program, threads: Option<usize>, most: Duration) -> Result<Count> {
    println!("-- {} of {}", program.name, program.package);
    let mut command = Command::new(&program.file);
    command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder);
    if let Some(threads) = threads {
        command.arg(format!("--test-threads={threads}"));
    }
    count(&mut command, most)
}

fn count(command: &mut Command, most: Duration) -> Result<Count> {
    let mut running = run::start(command.stdout(Stdio::piped()), Reach::Group)?;
    let lines = lines(running.child.stdout.take().context("a test program has no output")?);
    let deadline = Instant::now() + most;
    let (mut count, mut said, mut ended) = (Count::default(), false, None);
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                println!("{line}");
                if let Some(more) = Count::from_line(&line) {
                    count += more;
                    said = true;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() && running.child.try_wait()?.is_some() {
            ended = Some(Instant::now());
        }
        if ended.is_some_and(|at: Instant| at.elapsed() > AFTERLIFE) {
            break;
        }
        if ended.is_none() && Instant::now() > deadline {
            println!("ended: it ran for more than {} s", most.as_secs());
            running.kill();
        }
    }
    let status = running.child.wait()?;
    if !said || (!status.success() && count.failed == 0) {
        println!("the test program ended with {status} before it said how many passed");
        count.failed += 1;
    }
    Ok(count)
}

fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (to, from) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if to.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, most: Duration) -> Count {
        count(Command::new("sh").args(["-c", script]), most).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);
    const OK: &str = "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'";

    #[test]
    fn what_the_program_says_is_counted() {
        assert_eq!(shell(OK, LONG), Count { passed: 2, failed: 0 });
    }

    #[test]
    fn a_program_that_dies_without_a_word_has_failed() {
        assert_eq!(shell("kill -9 $$", LONG), Count::failed(1));
    }

    #[test]
    fn a_bad_exit_after_a_good_word_has_failed() {
        assert_eq!(shell(&format!("{OK}; exit 3"), LONG), Count { passed: 2, failed: 1 });
    }

    #[test]
    fn a_program_that_never_ends_is_ended_with_what_it_started() {
        let begun = Instant::now();
        assert_eq!(shell("sleep 600 & sleep 600", Duration::from_millis(50)), Count::failed(1));
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn a_daemon_that_keeps_the_output_open_holds_nobody_up() {
        let begun = Instant::now();
        assert_eq!(shell(&format!("{OK}; sleep 10 & true"), LONG), Count { passed: 2, failed: 0 });
        assert!(begun.elapsed() < Duration::from_secs(9));
    }
}
