//! A real keepalived in an instance: VRRPv3, one HAVIP.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Namespace;
use crate::wait::wait_for;

/// How keepalived is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// The higher one wins.
    pub priority: u8,
    /// What it is to hold.
    pub havip: Ipv4Addr,
    /// Between two advertisements: a multiple of 10 ms.
    pub advert: Duration,
    /// Whether one that comes back waits until the other one is gone, whatever its priority.
    pub nopreempt: bool,
}

impl Setup {
    /// Advertisements every 100 ms; the higher priority takes over when it comes.
    pub fn of(priority: u8, havip: Ipv4Addr) -> Setup {
        Setup { priority, havip, advert: Duration::from_millis(100), nopreempt: false }
    }
}

/// A running keepalived. Dropping it is [`Keepalived::kill9`].
pub struct Keepalived {
    vm: Namespace,
    havip: Ipv4Addr,
    process: Child,
    vrrp_pid_file: PathBuf,
    log: PathBuf,
}

impl Keepalived {
    pub(super) fn start(folder: &Path, vm: &Namespace, setup: &Setup) -> Result<Keepalived> {
        Keepalived::configured(folder, vm, setup.havip, &configuration(vm, setup))
    }

    /// With this configuration, for this HAVIP.
    pub(super) fn configured(
        folder: &Path,
        vm: &Namespace,
        havip: Ipv4Addr,
        configuration: &str,
    ) -> Result<Keepalived> {
        let file = |kind: &str| folder.join(format!("keepalived-{}-{havip}.{kind}", vm.role()));
        let (config, log, vrrp_pid_file) = (file("conf"), file("log"), file("vrrp.pid"));
        fs::write(&config, configuration)?;
        // A pid file of a killed predecessor would make it refuse to start, or name the wrong process.
        for old in [file("pid"), vrrp_pid_file.clone()] {
            let _ = fs::remove_file(old);
        }
        let output = File::create(&log)?;
        let process = vm
            .command("keepalived")
            .args(["--vrrp", "--dont-fork", "--log-console", "--log-detail", "--no-syslog"])
            .arg("--use-file")
            .arg(&config)
            .arg("--pid")
            .arg(file("pid"))
            .arg("--vrrp_pid")
            .arg(&vrrp_pid_file)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("keepalived (package keepalived)")?;
        Ok(Keepalived { vm: vm.clone(), havip, process, vrrp_pid_file, log })
    }

    /// Whether the instance has the HAVIP on its link.
    pub fn holds(&self) -> Result<bool> {
        self.vm.has_address(self.havip)
    }

    /// Waits until the instance has the HAVIP on its link.
    pub fn wait_holds(&self, timeout: Duration) -> Result<()> {
        let what = format!("{} to take {}", self.vm.role(), self.havip);
        wait_for(&what, timeout, || match self.holds() {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("not on eth0; keepalived says: {}", self.last_words())),
            Err(error) => Err(format!("{error:#}")),
        })
    }

    /// How often it has begun to wait for the HAVIP so far.
    pub fn waits(&self) -> usize {
        self.has_said("Entering BACKUP STATE")
    }

    /// How often it has taken the HAVIP so far.
    pub fn takes(&self) -> usize {
        self.has_said("Entering MASTER STATE")
    }

    fn has_said(&self, words: &str) -> usize {
        fs::read_to_string(&self.log).unwrap_or_default().matches(words).count()
    }

    /// Kills it as a crash does: no farewell is sent and the HAVIP stays on the link.
    pub fn kill9(&mut self) -> Result<()> {
        if self.process.try_wait()?.is_some() {
            return Ok(());
        }
        let parent = Pid::from_raw(self.process.id().cast_signed());
        // The VRRP child says farewell when its parent dies, and is started again when it dies alone: so the parent
        // is stopped while the child is killed.
        kill(parent, Signal::SIGSTOP)?;
        if let Some(child) = self.vrrp_pid() {
            let _ = kill(child, Signal::SIGKILL);
        }
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Stops it in order: it resigns, and takes the HAVIP off the link.
    pub fn stop(&mut self) -> Result<()> {
        kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGTERM)?;
        wait_for("keepalived to end", Duration::from_secs(5), || match self.process.try_wait() {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}: {}", self.last_words())),
        })
    }

    fn vrrp_pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(&self.vrrp_pid_file).ok()?;
        text.trim().parse().ok().map(Pid::from_raw)
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().last().unwrap_or("nothing").to_owned()
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        let _ = self.kill9();
    }
}

fn configuration(vm: &Namespace, setup: &Setup) -> String {
    let role = vm.role();
    let Setup { priority, havip, advert, nopreempt } = setup;
    let (router, advert) = (havip.octets()[3], advert.as_secs_f64());
    let nopreempt = if *nopreempt { "\n    nopreempt" } else { "" };
    format!(
        "\
global_defs {{
    router_id {role}
    vrrp_version 3
}}
vrrp_instance havip {{
    state BACKUP
    interface eth0
    virtual_router_id {router}
    priority {priority}
    advert_int {advert}{nopreempt}
    virtual_ipaddress {{
        {havip}/24 dev eth0
    }}
}}
"
    )
}
