//! A small file system: to be full at will, and to have room again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

/// What takes up all the room.
const BALLAST: &str = "ballast";
const PIECE: usize = 4096;

/// The file system. It is seen by the thread that called [`apart`], by the threads and processes that this one starts
/// from then on, and gone with them.
pub struct SmallDisk {
    at: PathBuf,
    /// Where it lies if nobody said.
    _own: Option<TempDir>,
}

/// What this thread mounts from now on is its own, and is seen by what it starts. To be called before anything else: what
/// was started before sees nothing of it.
pub fn apart() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("a mount namespace of one's own needs root")?;
    mount(&["--make-rprivate", "/"])
}

impl SmallDisk {
    /// One of this size, such as `3m`, apart and empty.
    pub fn new(size: &str) -> Result<SmallDisk> {
        apart()?;
        let own = tempfile::tempdir()?;
        let disk = SmallDisk { at: own.path().to_owned(), _own: Some(own) };
        disk.mount(size)?;
        Ok(disk)
    }

    /// One over a folder, with what was in it; [`apart`] has been called.
    pub fn over(folder: &Path, size: &str) -> Result<SmallDisk> {
        let kept = tempfile::tempdir()?;
        copy(folder, kept.path())?;
        let disk = SmallDisk { at: folder.to_owned(), _own: None };
        disk.mount(size)?;
        copy(kept.path(), folder)?;
        Ok(disk)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Changes its size.
    pub fn grow(&self, size: &str) -> Result<()> {
        self.mount(&format!("{size},remount"))
    }

    /// Takes up all the room there is.
    pub fn fill(&self) -> Result<()> {
        let mut ballast = File::options().create(true).append(true).open(self.at.join(BALLAST))?;
        loop {
            match ballast.write_all(&[0; PIECE]) {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(Errno::ENOSPC as i32) => return Ok(()),
                Err(error) => return Err(error).context("filling a small disk"),
            }
        }
    }

    /// Gives the room back.
    pub fn free(&self) -> Result<()> {
        fs::remove_file(self.at.join(BALLAST)).context("the ballast of a small disk")
    }

    fn mount(&self, size: &str) -> Result<()> {
        let at = self.at.display().to_string();
        mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "mooring-full", &at])
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let done = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status()?;
    ensure!(done.success(), "copying {}: {done}", from.display());
    Ok(())
}

fn mount(arguments: &[&str]) -> Result<()> {
    let done = Command::new("mount").args(arguments).status()?;
    ensure!(done.success(), "mount {arguments:?}: {done}");
    Ok(())
}
