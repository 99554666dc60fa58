//! Children of xtask. Each runs in a process group of its own and Ctrl-C is passed on, once: so the child
//! cleans up what it made, and xtask outlives it to clean up after it and to give its exit code.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// What an interrupt goes to, as `kill` takes it: 0 for none, a process, or minus a process group.
static TARGET: AtomicI32 = AtomicI32::new(0);

/// Whom an interrupt reaches.
#[derive(Clone, Copy)]
pub enum Reach {
    /// The child only: it ends its own children.
    Child,
    /// The child and everything it started.
    Group,
}

/// From now on SIGINT, SIGTERM and SIGHUP go to the running child as SIGINT; without one they end xtask.
pub fn forward_interrupts() -> Result<()> {
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        match TARGET.load(Ordering::SeqCst) {
            0 => std::process::exit(130),
            target => drop(kill(Pid::from_raw(target), Signal::SIGINT)),
        }
    })
    .context("cannot handle Ctrl-C")
}

/// Fails once Ctrl-C was pressed.
pub fn go_on() -> Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) {
        bail!("interrupted");
    }
    Ok(())
}

/// A child that interrupts are passed on to while this lives.
pub struct Running {
    pub child: Child,
}

impl Running {
    /// Ends the child and everything it started, at once.
    pub fn kill(&mut self) {
        let _ = kill(Pid::from_raw(-(self.child.id() as i32)), Signal::SIGKILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        TARGET.store(0, Ordering::SeqCst);
    }
}

/// Starts a child without standard input.
pub fn start(command: &mut Command, reach: Reach) -> Result<Running> {
    use std::os::unix::process::CommandExt;
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let pid = child.id() as i32;
    TARGET.store(if matches!(reach, Reach::Group) { -pid } else { pid }, Ordering::SeqCst);
    Ok(Running { child })
}

/// Says the command, runs it to its end and gives its status.
pub fn status(command: &mut Command, reach: Reach) -> Result<ExitStatus> {
    println!("$ {}", shown(command));
    let mut running = start(command, reach)?;
    Ok(running.child.wait()?)
}

/// As [`status`], but any end other than success is an error.
pub fn succeed(command: &mut Command) -> Result<()> {
    let status = status(command, Reach::Group)?;
    go_on()?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

/// The cargo that runs xtask.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::tree::root());
    // What cargo told xtask about itself is not for its children: build scripts that read it would run again.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
