//! What a fresh Debian machine lacks. Nothing is downloaded when nothing is missing, and a keepalived that
//! we install is never started as a service: it would announce addresses outside the lab.

mod clients;
mod nats;
mod python;
mod umadb;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run;

pub use umadb::umadb;

/// A program that must be there, and the Debian package that has it.
const NEEDED: [(&str, &str); 13] = [
    ("cc", "build-essential"),
    ("keepalived", "keepalived"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("arping", "iputils-arping"),
    ("ping", "iputils-ping"),
    ("traceroute", "traceroute"),
    ("strace", "strace"),
    ("dockerd", "docker.io"),
    ("docker-compose", "docker-compose"),
    ("iptables", "iptables"),
    ("debootstrap", "debootstrap"),
    ("openssl", "openssl"),
];

/// Installs all that is missing, also what only tests need, and says what that was.
pub fn everything() -> Result<()> {
    setup()?;
    clients::clients()
}

/// Installs what is missing of what the demo and the bench need as well.
pub fn setup() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("needs root (it installs packages, and the lab makes network namespaces): run it with sudo");
    }
    let missing: Vec<&str> =
        NEEDED.iter().filter(|(program, _)| !installed(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        println!("packages: all {} are there", NEEDED.len());
    } else {
        install(&missing)?;
    }
    nats::nats_server()?;
    for component in ["rustfmt", "clippy"] {
        add_component(component)?;
    }
    Ok(())
}

/// Installs a package unless its program is there: for what only some run asks for.
pub fn needs(program: &str, package: &str) -> Result<()> {
    if installed(program) { Ok(()) } else { install(&[package]) }
}

fn installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').chain(["/usr/sbin", "/sbin"]).any(|folder| Path::new(folder).join(program).is_file())
}

fn install(missing: &[&str]) -> Result<()> {
    if !installed("apt-get") {
        bail!("no apt-get here; install these by hand, then run again: {}", missing.join(" "));
    }
    println!("packages: installing {}", missing.join(" "));
    {
        let _quiet = NoServices::begin()?;
        run::succeed(apt().args(["update", "-qq"]))?;
        run::succeed(
            apt()
                .args(["install", "-qq", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"])
                .args(missing),
        )?;
    }
    if missing.contains(&"keepalived") && Path::new("/run/systemd/system").exists() {
        run::succeed(Command::new("systemctl").args(["disable", "--now", "keepalived.service"]))?;
    }
    for (program, package) in NEEDED {
        if missing.contains(&package) && !installed(program) {
            bail!("{package} is installed but has no {program}");
        }
    }
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// While this lives, package scripts start no service (Debian's `policy-rc.d`). A policy of the machine's own
/// stays as it is.
struct NoServices {
    ours: bool,
}

impl NoServices {
    const PATH: &str = "/usr/sbin/policy-rc.d";
    const MARK: &str = "# Mooring's setup: removed when it ends";

    fn begin() -> Result<Self> {
        let found = fs::read_to_string(Self::PATH);
        let ours = found.is_err() || found.is_ok_and(|text| text.contains(Self::MARK));
        if ours {
            fs::write(Self::PATH, format!("#!/bin/sh\n{}\nexit 101\n", Self::MARK))
                .and_then(|()| fs::set_permissions(Self::PATH, fs::Permissions::from_mode(0o755)))
                .with_context(|| format!("cannot write {}", Self::PATH))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(Self::PATH)
        {
            eprintln!("cannot remove {}: {error}; remove it by hand", Self::PATH);
        }
    }
}

/// A minimal toolchain comes without rustfmt and clippy.
fn add_component(component: &str) -> Result<()> {
    let verb = if component == "rustfmt" { "fmt" } else { component };
    let there = run::cargo()
        .args([verb, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if there {
        println!("{component}: is there");
        return Ok(());
    }
    run::succeed(Command::new("rustup").args(["component", "add", component]))
        .with_context(|| format!("this toolchain has no {component}"))
}
