//! Cutting off a torn end that nobody had seen. Its bytes are set aside first, and never deleted.

use std::{
    fs::{self, OpenOptions},
    path::PathBuf,
};

use crate::{
    contract::LogError,
    record::Position,
    segments::{
        folder::{Folder, failed},
        scan::Torn,
    },
};

/// The end of a log that was cut off at opening: a write that was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The position its first record would have had.
    pub position: Position,
    /// Where its bytes were set aside.
    pub file: PathBuf,
    /// How many bytes.
    pub bytes: u64,
}

/// Sets the torn bytes aside, then cuts them off; the order makes a crash in between harmless.
pub(super) fn cut(folder: &Folder, position: Position, torn: Torn) -> Result<TornTail, LogError> {
    let file = folder.set_aside(position, &torn.bytes)?;
    if torn.offset == 0 {
        // Its header is damaged too, and no frame in it is whole.
        fs::remove_file(&torn.path).map_err(|error| failed("remove", &torn.path, &error))?;
        folder.sync()?;
    } else {
        let cut = OpenOptions::new().write(true).open(&torn.path).and_then(|segment| {
            segment.set_len(torn.offset as u64)?;
            segment.sync_all()
        });
        cut.map_err(|error| failed("cut", &torn.path, &error))?;
    }
    let bytes = torn.bytes.len() as u64;
    tracing::warn!(%position, file = %file.display(), bytes, "the log's torn end was cut off and set aside");
    Ok(TornTail { position, file, bytes })
}
