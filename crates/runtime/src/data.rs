//! The data folder: one process at a time has it.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

use anyhow::{Context, Result, bail};

/// Makes the folder and takes it for this process, until the answer is dropped or the process is gone.
pub fn lock(data: &Path) -> Result<File> {
    let shown = || format!("--data {}", data.display());
    fs::create_dir_all(data).with_context(shown)?;
    let file = File::create(data.join("lock")).with_context(shown)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("{} is in use by another process; stop it or choose another folder", shown())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(shown),
    }
}
