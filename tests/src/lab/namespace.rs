//! One network namespace: running closures, programs and `ip` commands inside.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use nix::sched::{CloneFlags, setns};

/// A named network namespace (`ip netns`).
#[derive(Debug, Clone)]
pub struct Namespace {
    name: String,
    role: String,
}

impl Namespace {
    pub(super) fn named(prefix: &str, role: &str) -> Namespace {
        Namespace { name: format!("{prefix}-{role}"), role: role.to_owned() }
    }

    /// One that somebody else made.
    pub fn of(name: &str) -> Namespace {
        Namespace { name: name.to_owned(), role: name.to_owned() }
    }

    /// The name under `/run/netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is in the laboratory: `vm-a`, `gateway`, …
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The file that stands for it.
    pub fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// Runs `work` inside, on a thread of its own. A socket opened there goes on living here wherever it is used.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let file = File::open(self.path()).with_context(|| format!("namespace {}", self.name))?;
        let inside = move || {
            setns(&file, CloneFlags::CLONE_NEWNET)?;
            anyhow::Ok(work())
        };
        match std::thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(done) => done.with_context(|| format!("entering namespace {}", self.name)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// A command that will run inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }

    /// Runs a program inside, given as one line, and returns what it wrote to stdout. Fails if it does.
    pub fn output(&self, line: &str) -> Result<String> {
        let mut words = line.split_whitespace();
        let program = words.next().context("an empty command")?;
        let done = self.command(program).args(words).stdin(Stdio::null()).output()?;
        let error = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "`{line}` in {}: {}: {error}", self.name, done.status);
        Ok(String::from_utf8(done.stdout)?)
    }

    /// Runs `ip` commands inside, one a line, in one process.
    pub fn ip(&self, lines: &str) -> Result<()> {
        ip_batch(&["-n", &self.name], lines)
    }

    /// Sets a kernel parameter inside: `net.ipv4.ip_forward`.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        self.sysctls([&(key, value)])
    }

    /// Sets several.
    pub fn sysctls<'a>(&self, all: impl IntoIterator<Item = &'a (&'a str, &'a str)> + Send) -> Result<()> {
        self.run(|| {
            all.into_iter().try_for_each(|(key, value)| {
                let path = PathBuf::from("/proc/sys").join(key.replace('.', "/"));
                std::fs::write(&path, value).with_context(|| format!("sysctl {key}={value} in {}", self.name))
            })
        })?
    }

    /// Whether `address` is on the link `eth0`.
    pub fn has_address(&self, address: std::net::Ipv4Addr) -> Result<bool> {
        let found = self.output(&format!("ip -o -4 address show dev eth0 to {address}"))?;
        Ok(!found.trim().is_empty())
    }
}

/// Runs a batch of `ip` commands; the first that fails ends it.
pub(super) fn ip_batch(options: &[&str], lines: &str) -> Result<()> {
    let mut ip = Command::new("ip")
        .args(options)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("ip (package iproute2)")?;
    ip.stdin.take().context("stdin of ip")?.write_all(lines.as_bytes())?;
    let done = ip.wait_with_output()?;
    if !done.status.success() {
        bail!("ip {}: {}in:\n{lines}", options.join(" "), String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}
