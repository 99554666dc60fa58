//! One process of a cluster. It keeps its port over every start, so that its peers find it again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::{track, untrack};
use crate::server::program;
use crate::wait::{wait_for, wait_stopped};

/// How long a start may take, and an end, and readiness to change.
const PATIENCE: Duration = Duration::from_secs(30);
/// Below the ports that the kernel gives to those who ask for any: nobody takes one while its process is down.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// See the module. Dropping it kills the process; the data stays as long as the folder.
pub struct Service {
    program: String,
    folder: PathBuf,
    address: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    running: Option<Running>,
}

struct Running {
    process: Child,
    lines: Receiver<String>,
}

impl Service {
    /// One that is still to be started. Its address is taken, its data is a folder in `folder`.
    pub fn new(
        program: &str,
        folder: &Path,
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
    ) -> Result<Service> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let (program, folder) = (program.to_owned(), folder.to_owned());
        Ok(Service { program, folder, address, arguments, environment, running: None })
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The number of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.process.id())
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What it is started with the next time, besides its address and its folder.
    pub fn arguments(&mut self) -> &mut Vec<String> {
        &mut self.arguments
    }

    /// The environment that it is started with the next time, on top of the test's own.
    pub fn environment(&mut self) -> &mut Vec<(String, String)> {
        &mut self.environment
    }

    /// All that it has written to stderr, over every start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Starts it and does not wait.
    pub fn launch(&mut self) -> Result<()> {
        self.kill9()?;
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program(&self.program)?);
        command.args(["--listen", &self.address]).arg("--data").arg(self.data()).args(&self.arguments);
        command.env_remove("MOORING_CRASH_AT");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().with_context(|| self.program.clone())?;
        track(process.id());
        let stdout = BufReader::new(process.stdout.take().context("its stdout")?);
        let (sender, lines) = channel();
        // Reads on after the first line, so that the process never waits for a reader.
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))
        });
        self.running = Some(Running { process, lines });
        Ok(())
    }

    /// Waits for its word that it is ready, which it says once.
    pub fn wait_started(&mut self) -> Result<()> {
        let running = self.running.as_ref().with_context(|| format!("{} does not run", self.program))?;
        let said = running.lines.recv_timeout(PATIENCE).ok();
        match said.as_deref().and_then(|line| line.strip_prefix("ready ")) {
            Some(_) => Ok(()),
            None => {
                let ready = self.readiness();
                bail!("{} did not get ready: {ready:?}. {}", self.program, self.tail_of_log())
            }
        }
    }

    /// Kills it if it runs, starts it again on the same data, and waits until it is ready.
    pub fn restart(&mut self) -> Result<()> {
        self.launch()?;
        self.wait_started()
    }

    /// Kills it in the middle of whatever it does, paused or not.
    pub fn kill9(&mut self) -> Result<()> {
        if let Some(mut running) = self.running.take() {
            running.process.kill()?;
            running.process.wait()?;
            untrack(running.process.id());
        }
        Ok(())
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait_ended()
    }

    /// Waits until it has ended by itself.
    pub fn wait_ended(&mut self) -> Result<ExitStatus> {
        let running = self.running.as_mut().with_context(|| format!("{} does not run", self.program))?;
        let process = &mut running.process;
        let ended = wait_for("the end of a process", PATIENCE, || match process.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        });
        self.kill9()?;
        ended.with_context(|| format!("{}: {}", self.program, self.tail_of_log()))
    }

    /// Stops it where it is (SIGSTOP): its connections stay open and nobody answers on them.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)?;
        wait_stopped(self.pid().with_context(|| format!("{} does not run", self.program))?)
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().with_context(|| format!("{} does not run", self.program))?;
        kill(Pid::from_raw(pid.cast_signed()), signal)
            .with_context(|| format!("{signal} to {}", self.program))
    }

    /// What `GET /ready` says: its status, and every condition.
    pub fn readiness(&self) -> Result<(u16, String)> {
        self.get("/ready")
    }

    /// Waits until it is ready.
    pub fn wait_ready(&self) -> Result<()> {
        self.wait_readiness("ready", |status, _| status == 200)
    }

    /// Waits until it says that it is not ready, with these words among its reasons.
    pub fn wait_not_ready(&self, words: &str) -> Result<()> {
        self.wait_readiness(words, |status, text| status == 503 && text.contains(words))
    }

    fn wait_readiness(&self, what: &str, met: impl Fn(u16, &str) -> bool) -> Result<()> {
        let waited = wait_for(&format!("{} to say: {what}", self.program), PATIENCE, || {
            let (status, text) = self.readiness().map_err(|error| format!("{error:#}"))?;
            if met(status, &text) { Ok(()) } else { Err(format!("{status}: {text}")) }
        });
        waited.with_context(|| self.tail_of_log())
    }

    /// What a path says, over plain HTTP: the status and the body.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address).context("connecting")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).with_context(|| format!("reading {path}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
        let status = head.split(' ').nth(1).context("an answer without a status")?;
        Ok((status.parse()?, body.to_owned()))
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log.txt")
    }

    fn tail_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n  ");
        format!("the end of the log of {} in {}:\n  {tail}", self.program, self.folder.display())
    }
}

impl Drop for Service {
    #[allow(clippy::print_stderr, reason = "a failing test says what its processes said")]
    fn drop(&mut self) {
        let _ = self.kill9();
        if std::thread::panicking() {
            eprintln!("{}", self.tail_of_log());
        }
    }
}

/// A port that nobody has now, and that no other story of this program was given: it may not have taken it yet.
fn free_port() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..100 {
        let port = fastrand::u16(PORTS);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return Ok(port);
        }
    }
    bail!("no free port in {PORTS:?}")
}
