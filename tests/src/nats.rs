//! A real `nats-server` to start, kill, stop, continue and roll back, with its log at hand when something fails.
//!
//! It takes free ports at its first start and keeps them for every later one, so that whoever was connected finds it
//! again.

mod store;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::lab::{Namespace, track, untrack};
use crate::server::own_folder;
use crate::wait::{wait_for, wait_stopped};

/// How long a start may take, and an end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program, as `cargo xtask setup` installs it.
const PROGRAM: &str = "nats-server";

/// How a `nats-server` is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address it listens on. Default: `127.0.0.1`.
    pub host: String,
    /// The port for clients at the first start; -1 takes a free one. Default: -1.
    pub port: i32,
    /// The port for monitoring at the first start; -1 takes a free one. Default: -1.
    pub monitor_port: i32,
    /// JetStream's `sync_interval`; nothing leaves the server's default. Default: `always`.
    pub sync_interval: Option<String>,
    /// Whether JetStream is on. Default: yes.
    pub jetstream: bool,
    /// The most JetStream may store, such as `64MB`. Default: no such line.
    pub max_file_store: Option<String>,
    /// Where JetStream stores. Default: a folder in the fixture's folder.
    pub store: Option<PathBuf>,
    /// Lines put into the configuration as they are: users, TLS, limits. Default: none.
    pub extra: String,
    /// The namespace it runs in, whose loopback must be up. Default: the test's own.
    pub namespace: Option<Namespace>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            host: "127.0.0.1".to_owned(),
            port: -1,
            monitor_port: -1,
            sync_interval: Some("always".to_owned()),
            jetstream: true,
            max_file_store: None,
            store: None,
            extra: String::new(),
            namespace: None,
        }
    }
}

/// A `nats-server` and its store. Dropping it kills it, and says the end of its log if the test is failing.
///
/// The process dies with the thread that started it, so that a killed test leaves none behind.
pub struct NatsServer {
    folder: PathBuf,
    options: Options,
    process: Option<Child>,
    /// Removed after the process was killed.
    _own_folder: Option<tempfile::TempDir>,
}

impl NatsServer {
    /// Starts one with JetStream and `sync_interval: always`, in a folder of its own that goes with it.
    pub fn start() -> Result<NatsServer> {
        NatsServer::with(Options::default())
    }

    /// Starts one in a folder of its own that goes with it, and waits until it serves.
    pub fn with(options: Options) -> Result<NatsServer> {
        let folder = own_folder()?;
        let mut server = NatsServer::start_in(folder.path(), options)?;
        server._own_folder = Some(folder);
        Ok(server)
    }

    /// Starts one with everything in `folder`, and waits until it serves.
    pub fn start_in(folder: &Path, options: Options) -> Result<NatsServer> {
        let mut server = NatsServer { folder: folder.to_owned(), options, process: None, _own_folder: None };
        server.launch()?;
        Ok(server)
    }

    /// Where clients connect: `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// Where clients connect, without a scheme: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.options.host, self.options.port)
    }

    /// Its monitoring: `http://127.0.0.1:PORT`.
    pub fn monitor(&self) -> String {
        format!("http://{}:{}", self.options.host, self.options.monitor_port)
    }

    /// The port for clients.
    pub fn port(&self) -> i32 {
        self.options.port
    }

    /// The number of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// How it will be started the next time: users, TLS, `sync_interval`, a limit. The ports are the ones it has.
    pub fn options(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Everything of it: configuration, log, and the store unless that was put elsewhere.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All that it has written to its log, over every start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("nats.log")).unwrap_or_default()
    }

    /// Kills it in the middle of whatever it does, paused or not.
    pub fn kill9(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
            untrack(process.id());
        }
        Ok(())
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        let mut process = self.process.take().context("nats-server does not run")?;
        let ended = wait_for("nats-server to end", PATIENCE, || match process.try_wait() {
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

    /// Starts it again on the same ports and the same store, after killing it if it runs, and waits until it serves.
    pub fn restart(&mut self) -> Result<()> {
        self.kill9()?;
        self.launch()
    }

    /// Stops it where it is (SIGSTOP): its connections stay open and nobody answers on them.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)?;
        wait_stopped(self.pid().context("nats-server does not run")?)
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().context("nats-server does not run")?;
        kill(Pid::from_raw(pid.cast_signed()), signal).with_context(|| format!("{signal} to nats-server"))
    }

    fn launch(&mut self) -> Result<()> {
        fs::write(self.config_file(), self.configuration())?;
        let ports = self.folder.join("ports");
        let _ = fs::remove_dir_all(&ports);
        fs::create_dir_all(&ports)?;
        let process = self.spawn(&ports)?;
        let file = ports.join(format!("{PROGRAM}_{}.ports", process.id()));
        let process = self.process.insert(process);
        let started = wait_for("nats-server to serve", PATIENCE, || match process.try_wait() {
            Ok(None) => read_ports(&file).map(Ok).map_err(|error| format!("{error:#}")),
            ended => Ok(Err(format!("it ended: {ended:?}"))),
        });
        match started {
            Ok(Ok((clients, monitor))) => {
                (self.options.port, self.options.monitor_port) = (clients, monitor);
                Ok(())
            }
            Ok(Err(seen)) => self.failed(&seen),
            Err(error) => self.failed(&format!("{error:#}")),
        }
    }

    fn failed(&mut self, seen: &str) -> Result<()> {
        self.kill9()?;
        bail!("nats-server did not start: {seen}. {}", self.tail_of_log())
    }

    fn spawn(&self, ports: &Path) -> Result<Child> {
        let log = File::options().create(true).append(true).open(self.folder.join("nats.log"))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(namespace) = &self.options.namespace {
            command.arg("nsenter").arg(format!("--net={}", namespace.path().display())).arg("--");
        }
        command.arg(PROGRAM).arg("--config").arg(self.config_file()).arg("--ports_file_dir").arg(ports);
        let out = log.try_clone()?;
        let process = command.stdin(Stdio::null()).stdout(out).stderr(log).spawn().context(PROGRAM)?;
        track(process.id());
        Ok(process)
    }

    /// The name is the same over every start: it is what tells a server from another one.
    fn configuration(&self) -> String {
        let Options { host, port, monitor_port, extra, .. } = &self.options;
        let mut text =
            format!("server_name: test\nlisten: \"{host}:{port}\"\nhttp: \"{host}:{monitor_port}\"\n");
        if self.options.jetstream {
            text += &format!("jetstream {{\n  store_dir: {:?}\n", self.store());
            let interval =
                self.options.sync_interval.iter().map(|value| format!("  sync_interval: {value}\n"));
            let space =
                self.options.max_file_store.iter().map(|value| format!("  max_file_store: {value}\n"));
            text.extend(interval.chain(space));
            text += "}\n";
        }
        text + extra
    }

    fn config_file(&self) -> PathBuf {
        self.folder.join("nats.conf")
    }

    fn tail_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n  ");
        format!("the end of nats-server's log:\n  {tail}")
    }
}

/// The ports for clients and for monitoring, from the file that the server writes when it serves.
fn read_ports(file: &Path) -> Result<(i32, i32)> {
    let ports: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let port = |key: &str| {
        let url = ports[key][0].as_str().with_context(|| format!("no {key} in {ports}"))?;
        let number = url.rsplit(':').next().context("an address without a port")?;
        anyhow::Ok(number.parse()?)
    };
    let found = (port("nats")?, port("monitoring")?);
    ensure!(found.0 > 0 && found.1 > 0, "no ports in {ports}");
    Ok(found)
}

impl Drop for NatsServer {
    #[allow(clippy::print_stderr, reason = "a failing test says what its server said")]
    fn drop(&mut self) {
        let _ = self.kill9();
        if std::thread::panicking() {
            eprintln!("{}", self.tail_of_log());
        }
    }
}
