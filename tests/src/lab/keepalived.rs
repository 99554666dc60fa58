//! A real keepalived in an instance: VRRPv3, 100 ms advertisements, one HAVIP.

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

/// A running keepalived. Dropping it is [`Keepalived::kill9`].
pub struct Keepalived {
    vm: Namespace,
    havip: Ipv4Addr,
    process: Child,
    vrrp_pid_file: PathBuf,
    log: PathBuf,
}

impl Keepalived {
    pub(super) fn start(folder: &Path, vm: &Namespace, priority: u8, havip: Ipv4Addr) -> Result<Keepalived> {
        let file = |kind: &str| folder.join(format!("keepalived-{}-{havip}.{kind}", vm.role()));
        let (config, log, vrrp_pid_file) = (file("conf"), file("log"), file("vrrp.pid"));
        fs::write(&config, configuration(vm, priority, havip))?;
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

fn configuration(vm: &Namespace, priority: u8, havip: Ipv4Addr) -> String {
    let role = vm.role();
    let router = havip.octets()[3];
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
    advert_int 0.1
    virtual_ipaddress {{
        {havip}/24 dev eth0
    }}
}}
"
    )
}
