//! The container engine: the one that answers, or else one of our own. Ours lives in namespaces of its own (network,
//! processes, mounts): its bridges, its iptables rules and its published ports touch nothing of the host, and whatever
//! ends it ends every container with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::ask::{in_path, output, until};
use crate::run;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);
/// The parents of the networks that carry traffic: both ends up and nobody else on them. An engine on a host makes a
/// dummy link itself; not every kernel has that kind.
pub const PARENTS: [&str; 2] = ["inside", "outside"];

/// A daemon that answers.
pub struct Engine {
    own: Option<Own>,
}

/// A daemon that we started.
struct Own {
    folder: PathBuf,
    /// `setpriv`, then `unshare`: its death is that of every process in the namespaces.
    process: Child,
    /// The first process in them.
    inside: u32,
}

impl Engine {
    /// Finds one, or starts one whose files are in a folder under `parent`.
    pub fn find_or_start(parent: &Path) -> Result<Self> {
        let found = output(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]));
        if let Ok(version) = found {
            println!("engine: docker {version}, which was there");
            return Ok(Self { own: None });
        }
        let engine = Self { own: Some(Own::start(parent)?) };
        let (version, took) = until("our own dockerd", START, || {
            let version = output(engine.docker().args(["version", "--format", "{{.Server.Version}}"]));
            version.map_err(|error| error.context(engine.last_words()))
        })?;
        println!("engine: docker {version}, started in namespaces of its own in {:.1} s", took.as_secs_f32());
        Ok(engine)
    }

    /// `docker`, of this engine.
    pub fn docker(&self) -> Command {
        self.client("docker")
    }

    /// A client of this engine.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if let Some(own) = &self.own {
            command.env("DOCKER_HOST", own.socket());
        }
        command
    }

    /// Whether it is ours, so that [`PARENTS`] are there.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// A command where the engine runs: published ports are on loopback there, and its process ids are known there.
    pub fn at_home(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let Some(own) = &self.own else { return Command::new(program) };
        let mut command = Command::new("nsenter");
        command.args(["--target", &own.inside.to_string(), "--net", "--pid", "--mount"]).arg(program);
        command
    }

    fn last_words(&self) -> String {
        let log = self.own.as_ref().and_then(|own| fs::read_to_string(own.log()).ok()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// Ends it, if it is ours, in order; what is left of it is removed.
    pub fn stop(mut self) -> Result<()> {
        let Some(mut own) = self.own.take() else { return Ok(()) };
        let pid = fs::read_to_string(own.folder.join("pid")).context("dockerd wrote no pid")?;
        let kill = format!("kill {}", pid.trim());
        output(Command::new("nsenter").args([
            "--target",
            &own.inside.to_string(),
            "--pid",
            "sh",
            "-c",
            &kill,
        ]))?;
        until("dockerd to stop", STOP, || match own.process.try_wait()? {
            Some(_) => Ok(()),
            None => bail!("it runs"),
        })?;
        Ok(())
    }
}

impl Own {
    fn start(parent: &Path) -> Result<Self> {
        clean(parent)?;
        let dockerd = in_path("dockerd")?;
        let folder = parent.join(format!("engine-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "sh", "-euc", &script(&dockerd, &folder)])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        // Ctrl-C is for xtask, which stops the stack first.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let process = command.spawn().context("cannot start setpriv")?;
        let mut own = Self { folder, process, inside: 0 };
        let children = format!("/proc/{0}/task/{0}/children", own.process.id());
        let (inside, _) = until("namespaces", START, || {
            let child = fs::read_to_string(&children)?;
            child.split_whitespace().next().context("no process in them yet")?.parse().context("no pid")
        })?;
        own.inside = inside;
        Ok(own)
    }

    fn socket(&self) -> String {
        format!("unix://{}", self.folder.join("socket").display())
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            println!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

/// What runs in the namespaces: `sh` is there to wait for orphans.
fn script(dockerd: &Path, folder: &Path) -> String {
    let mut lines = vec!["ip link set lo up".to_owned()];
    for parent in PARENTS {
        lines.push(format!("ip link add {parent} type veth peer name {parent}-peer"));
        lines.push(format!("ip link set {parent} up; ip link set {parent}-peer up"));
    }
    let (dockerd, folder) = (dockerd.display(), folder.display());
    lines.push(format!(
        "'{dockerd}' --data-root '{folder}/data' --exec-root '{folder}/exec' --pidfile '{folder}/pid' \
         --group root -H 'unix://{folder}/socket' & wait"
    ));
    lines.join("\n")
}

/// Removes the folders of runs that died; their processes and mounts died with them.
fn clean(parent: &Path) -> Result<()> {
    if !parent.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let owner = name.strip_prefix("engine-").and_then(|pid| pid.parse().ok());
        if owner.is_some_and(|pid| kill(Pid::from_raw(pid), None::<Signal>).is_err()) {
            fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            run::go_on()?;
        }
    }
    Ok(())
}
