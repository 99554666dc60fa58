//! What JetStream stores, swapped while the server does not run: a store that was rolled back, wiped, or taken from
//! another server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::NatsServer;

/// A copy of a store, as [`NatsServer::snapshot_store`] made it. It goes with this.
pub struct Snapshot {
    folder: tempfile::TempDir,
}

impl NatsServer {
    /// Where JetStream stores.
    pub fn store(&self) -> PathBuf {
        self.options.store.clone().unwrap_or_else(|| self.folder.join("store"))
    }

    /// Copies the store. Only while the server does not run.
    pub fn snapshot_store(&self) -> Result<Snapshot> {
        self.must_not_run()?;
        let folder = crate::server::own_folder()?;
        copy(&self.store(), &folder.path().join("store"))?;
        Ok(Snapshot { folder })
    }

    /// Makes the store what it was when `snapshot` was taken. Only while the server does not run.
    pub fn put_back_store(&self, snapshot: &Snapshot) -> Result<()> {
        self.wipe_store()?;
        copy(&snapshot.folder.path().join("store"), &self.store())
    }

    /// Removes everything JetStream stores. Only while the server does not run.
    pub fn wipe_store(&self) -> Result<()> {
        self.must_not_run()?;
        // What the store is on may be a mount point: the folder itself stays.
        for entry in fs::read_dir(self.store())? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }
                .with_context(|| format!("removing {}", path.display()))?;
        }
        Ok(())
    }

    fn must_not_run(&self) -> Result<()> {
        ensure!(self.pid().is_none(), "its store is only touched while nats-server does not run");
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let done = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).output().context("cp")?;
    ensure!(done.status.success(), "cp -a: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
