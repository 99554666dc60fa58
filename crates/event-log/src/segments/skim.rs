//! Reading a log where it lies as fast as a disk gives it, for who only folds: headers, CRCs and positions are checked, and
//! the hash chain is not. Where anything is not as expected, `walk` says what it is.

use std::{ops::ControlFlow, path::Path};

use crate::{
    codec::Skimmed,
    contract::LogError,
    record::Position,
    segments::{
        archive, frame,
        header::Header,
        scan::Damage,
        walk::{self, walk},
    },
};

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skim {
    /// The last record that was told, or 0.
    pub last: Position,
    /// What is wrong behind it, if anything is. Not looked for behind the record that broke.
    pub damage: Option<Damage>,
}

/// Why reading ended.
enum End {
    /// Somebody was told enough.
    Enough,
    /// Something is not what was written.
    Strange,
}

/// Reads the log in this folder; `each` is told of every record, in order, until it breaks. Flipped bits, and segments that are
/// missing, foreign or in the wrong place are found; a record that was rewritten with its CRCs made right is found by
/// [`crate::walk`] only.
///
/// # Errors
/// As [`crate::walk`].
pub fn skim(folder: &Path, mut each: impl FnMut(&Skimmed<'_>) -> ControlFlow<()>) -> Result<Skim, LogError> {
    let files = walk::files(folder)?;
    let mut skimming = Skimming { last: Position(0), log: None };
    for (n, (first, path)) in files.iter().enumerate() {
        let content = content(folder, path, n + 1 == files.len())?;
        match skimming.segment(*first, &content, &mut each) {
            Ok(()) => {}
            Err(End::Enough) => break,
            Err(End::Strange) => return strange(folder, skimming.last),
        }
    }
    Ok(Skim { last: skimming.last, damage: None })
}

/// A segment's bytes.
fn content(folder: &Path, path: &Path, is_last: bool) -> Result<Vec<u8>, LogError> {
    if is_last { walk::settled(folder, path) } else { archive::read(path) }
}

/// What is wrong is asked of the one who looks at everything.
pub(super) fn strange(folder: &Path, last: Position) -> Result<Skim, LogError> {
    let walked = walk(folder, |_| ControlFlow::Continue(()))?;
    match walked.damage {
        Some(damage) => Ok(Skim { last, damage: Some(damage) }),
        None => Err(LogError::Unavailable(format!("the log changed behind record {last}").into())),
    }
}

struct Skimming {
    last: Position,
    log: Option<uuid::Uuid>,
}

impl Skimming {
    fn segment(
        &mut self,
        first: Position,
        content: &[u8],
        each: &mut impl FnMut(&Skimmed<'_>) -> ControlFlow<()>,
    ) -> Result<(), End> {
        let (header, mut at) = Header::parse(content).map_err(|_| End::Strange)?;
        let expected = *self.log.get_or_insert(header.log);
        if header.log != expected || header.before.position != self.last || first.0 != self.last.0 + 1 {
            return Err(End::Strange);
        }
        while at < content.len() {
            let frame = frame::parse(&content[at..]).map_err(|_| End::Strange)?;
            for encoded in frame.encoded() {
                let encoded = encoded.map_err(|_| End::Strange)?;
                let record = Skimmed::read(encoded).ok_or(End::Strange)?;
                if record.position().0 != self.last.0 + 1 {
                    return Err(End::Strange);
                }
                self.last = record.position();
                if each(&record).is_break() {
                    return Err(End::Enough);
                }
            }
            at += frame.size;
        }
        Ok(())
    }
}
