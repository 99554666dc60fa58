//! A real `mooringd` to start, kill, restart and ask, with its log at hand when something fails.

mod moor;
mod wire;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub use moor::{Answer, Refusal, events, moor, moor_with, network, stock};

use crate::lab::{Lab, Namespace, track, untrack};
use crate::wait::wait_for;

/// How long a start may take, and an end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How a `mooringd` is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The regions it serves. Default: `r1`.
    pub regions: Vec<String>,
    /// The crash point at which it aborts. Default: none.
    pub crash_at: Option<String>,
    /// The planted fault with which it misbehaves. Default: none.
    pub plant: Option<String>,
    /// Whether its clock can be set: [`Mooringd::set_clock`]. Default: no.
    pub clock: bool,
    /// The address to listen on. Default: a free port of loopback.
    pub listen: String,
    /// Its data folder. Default: one in the fixture's folder.
    pub data: Option<PathBuf>,
    /// Words put before the program, such as `setpriv --bounding-set -net_admin`.
    pub wrapper: Vec<String>,
    /// The namespace that plays the host: it runs there, and `moor` with it. Default: the test's own.
    pub host: Option<Namespace>,
}

impl Default for Options {
    fn default() -> Options {
        let listen = "127.0.0.1:0".to_owned();
        let regions = vec!["r1".to_owned()];
        let (crash_at, plant, data) = (None, None, None);
        let (wrapper, clock) = (Vec::new(), false);
        Options { regions, crash_at, plant, clock, listen, data, wrapper, host: None }
    }
}

/// In its folder, where its clock is set.
const CLOCK: &str = "clock";

/// A `mooringd` and its data. Dropping it kills it; the data stays as long as the folder it was given.
///
/// The process dies with the thread that started it, so that a killed test leaves none behind.
pub struct Mooringd {
    folder: PathBuf,
    options: Options,
    process: Option<Child>,
    address: String,
    /// Removed after the process was killed.
    _own_folder: Option<tempfile::TempDir>,
}

impl Mooringd {
    /// Starts one for a laboratory, whose gateway it is, and waits until it is ready. Its gateway has registered then:
    /// after that only the test writes, and a bind or an unbind waits for it.
    pub fn start(lab: &Lab, options: Options) -> Result<Mooringd> {
        Mooringd::start_in(lab.folder(), &lab.places(), options)
    }

    /// Starts one without a laboratory, in a folder of its own that goes with it: no VPC lives here.
    pub fn alone(options: Options) -> Result<Mooringd> {
        let folder = own_folder()?;
        let mut server = Mooringd::start_in(folder.path(), "", options)?;
        server._own_folder = Some(folder);
        Ok(server)
    }

    /// Starts one with everything in `folder`, and `places` as the operator's file of VPCs.
    pub fn start_in(folder: &Path, places: &str, options: Options) -> Result<Mooringd> {
        let mut server = Mooringd::prepare(folder, places, options)?;
        server.launch()?;
        Ok(server)
    }

    /// Starts one that must refuse to, and returns its exit status and what it wrote.
    pub fn refused(folder: &Path, places: &str, options: Options) -> Result<(ExitStatus, String)> {
        let mut server = Mooringd::prepare(folder, places, options)?;
        let (process, lines) = server.spawn()?;
        server.process = Some(process);
        let ended = server.wait_ended();
        if let Ok(line) = lines.try_recv() {
            bail!("it started, although it should have refused: {line}");
        }
        Ok((ended?, server.log()))
    }

    fn prepare(folder: &Path, places: &str, options: Options) -> Result<Mooringd> {
        fs::write(folder.join("places.toml"), places)?;
        let folder = folder.to_owned();
        Ok(Mooringd { folder, options, process: None, address: String::new(), _own_folder: None })
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The number of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.options.data.clone().unwrap_or_else(|| self.folder.join("data"))
    }

    /// All that it has written to stderr, over every start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Kills it in the middle of whatever it does.
    pub fn kill9(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
            untrack(process.id());
        }
        Ok(())
    }

    /// Starts it again on the same data and kills it after that time, ready or not.
    pub fn kill9_while_starting(&mut self, after: Duration) -> Result<()> {
        self.kill9()?;
        let (process, _lines) = self.spawn()?;
        self.process = Some(process);
        std::thread::sleep(after);
        self.kill9()
    }

    /// Whether it does not run, or not any more.
    pub fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| matches!(process.try_wait(), Ok(Some(_))))
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let process = self.process.as_ref().context("mooringd does not run")?;
        kill(Pid::from_raw(process.id().cast_signed()), Signal::SIGTERM)?;
        self.wait_ended()
    }

    /// Waits until it has ended by itself.
    pub fn wait_ended(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("mooringd does not run")?;
        let ended = wait_for("mooringd to end", PATIENCE, || match process.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        });
        if ended.is_err() {
            let _ = process.kill();
            let _ = process.wait();
        }
        untrack(process.id());
        ended.with_context(|| self.tail_of_log())
    }

    /// Kills it if it runs, and starts it again on the same data with `crash_at` as its crash point.
    pub fn restart(&mut self, crash_at: Option<&str>) -> Result<()> {
        self.kill9()?;
        self.options.crash_at = crash_at.map(str::to_owned);
        self.launch()
    }

    /// The same, without the planted fault.
    pub fn restart_healed(&mut self) -> Result<()> {
        self.options.plant = None;
        self.restart(None)
    }

    /// Runs `moor` against it, for project `p1` in region `r1`: `moor("eip allocate web")`.
    pub fn moor(&self, line: &str) -> Result<Answer> {
        match &self.options.host {
            Some(host) => host.run(|| moor(&self.address, line))?,
            None => moor(&self.address, line),
        }
    }

    /// Runs `moor … -o json`, which must succeed, and returns what it said.
    pub fn ask(&self, line: &str) -> Result<Value> {
        self.moor(&format!("{line} -o json"))?.json().with_context(|| self.tail_of_log())
    }

    /// Runs `moor … -o json`, which must be refused, and returns why it was.
    pub fn refuse(&self, line: &str) -> Result<Refusal> {
        self.moor(&format!("{line} -o json"))?.refusal()
    }

    /// Creates a pool, a VPC, a subnet, the vNICs of vm-a and vm-b, the HAVIP `front` with both as members, and the
    /// EIP `web`, 203.0.113.70.
    pub fn stock(&self) -> Result<()> {
        stock(|line| self.ask(line))
    }

    /// The VPC of that, and what is in it.
    pub fn network(&self) -> Result<()> {
        network(|line| self.ask(line))
    }

    /// What `/metrics` says, over plain HTTP.
    pub fn metrics(&self) -> Result<String> {
        let mut stream = TcpStream::connect(self.address()).context("connecting to mooringd")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("reading /metrics")?;
        ensure!(answer.starts_with("HTTP/1.1 200 "), "/metrics answered: {answer}");
        Ok(answer)
    }

    /// Every event of region `r1`, in order: its kind and its fields.
    pub fn events(&self) -> Result<Vec<(String, Value)>> {
        events(&self.moor("log -o json")?)
    }

    fn launch(&mut self) -> Result<()> {
        let (process, lines) = self.spawn()?;
        self.process = Some(process);
        let ready = lines.recv_timeout(PATIENCE).ok();
        match ready.as_deref().and_then(|line| line.strip_prefix("ready ")) {
            Some(address) => self.address = address.trim().to_owned(),
            None => {
                let said = ready.unwrap_or_else(|| "nothing".to_owned());
                self.kill9()?;
                bail!("mooringd did not get ready; it said {said}. {}", self.tail_of_log());
            }
        }
        Ok(())
    }

    fn spawn(&self) -> Result<(Child, Receiver<String>)> {
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(&self.options.wrapper);
        if let Some(host) = &self.options.host {
            command.arg("nsenter").arg(format!("--net={}", host.path().display())).arg("--");
        }
        command.arg(program("mooringd")?);
        command.arg("--data").arg(self.data()).args(["--listen", &self.options.listen]);
        command.args(["--gateway", "gw-1", "--places"]).arg(self.folder.join("places.toml"));
        for region in &self.options.regions {
            command.args(["--region", region]);
        }
        let Options { crash_at, plant, .. } = &self.options;
        for (variable, value) in [("MOORING_CRASH_AT", crash_at), ("MOORING_PLANT", plant)] {
            command.env_remove(variable);
            command.envs(value.as_ref().map(|value| (variable, value)));
        }
        if self.options.clock {
            command.env("MOORING_CLOCK", self.folder.join(CLOCK));
        }
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().context("mooringd")?;
        track(process.id());
        let stdout = BufReader::new(process.stdout.take().context("mooringd's stdout")?);
        let (sender, lines) = channel();
        // Reads on after the first line, so that the process never waits for a reader.
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))
        });
        Ok((process, lines))
    }

    /// Sets the clock of this process, and of its next ones, by so many seconds from the machine's. All that it asks for the
    /// time afterwards has it, also what the kernel says of packets.
    pub fn set_clock(&self, seconds: i64) -> Result<()> {
        let new = self.folder.join("clock.new");
        fs::write(&new, (seconds * 1_000_000_000).to_string())?;
        // At once: half a file is another time.
        Ok(fs::rename(new, self.folder.join(CLOCK))?)
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("mooringd.log")
    }

    fn tail_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n  ");
        format!("the end of its log:\n  {tail}")
    }
}

impl Drop for Mooringd {
    fn drop(&mut self) {
        let _ = self.kill9();
    }
}

/// A folder that the next run removes if this one is killed: it is named after this process.
pub fn own_folder() -> Result<tempfile::TempDir> {
    let prefix = format!("moor-{}-0-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir().context("a folder for mooringd")
}

/// A binary of this workspace: in `MOORING_BIN_DIR`, or beside the running one.
pub fn program(name: &str) -> Result<PathBuf> {
    let folder = match std::env::var_os("MOORING_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => beside_this()?,
    };
    let path = folder.join(name);
    if !path.exists() {
        bail!("{} is not there: build it with `cargo build --package {name}`", path.display());
    }
    Ok(path)
}

/// Test programs lie in `deps`, one below the binaries.
fn beside_this() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().context("the folder of this program")?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.to_owned())
}
