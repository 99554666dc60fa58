//! Whether a log is whole, as fast as the disk and all cores allow: what each segment's header says stands before it lets
//! every one be checked by itself. Where anything is wrong, `walk` says what it is.

use std::{
    num::NonZero,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::{
    codec::{Skimmed, hash_of},
    contract::{LogError, Tail},
    record::{Position, StreamName},
    segments::{
        archive, frame,
        header::Header,
        walk::{self, Walked, walk},
    },
};

/// A segment that is whole: where the log stands before it, and behind it.
pub(super) struct Whole {
    before: Header,
    behind: Header,
    bytes: u64,
}

/// Checks the log in this folder: every CRC, position, hash and time of every segment. Nothing is locked, made or changed.
///
/// # Errors
/// As [`crate::walk`].
pub fn verify(folder: &Path) -> Result<Walked, LogError> {
    let files = walk::files(folder)?;
    match each(folder, &files).and_then(|all| together(&all)) {
        Some(walked) => Ok(walked),
        None => walk(folder, |_| ControlFlow::Continue(())),
    }
}

/// Every segment in order; nothing if one of them is not whole, or can't be read.
fn each(folder: &Path, files: &[(Position, PathBuf)]) -> Option<Vec<Whole>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut checked = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some((_, path)) = files.get(n) else { return Some(checked) };
            checked.push((n, of_file(folder, path, n + 1 == files.len())?));
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(files.len());
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().ok()??);
        }
        Some(all)
    })?;
    all.sort_by_key(|(n, _)| *n);
    Some(all.into_iter().map(|(_, whole)| whole).collect())
}

fn of_file(folder: &Path, path: &Path, is_last: bool) -> Option<Whole> {
    let content = if is_last { walk::settled(folder, path).ok()? } else { archive::read(path).ok()? };
    let bytes = content.len() as u64;
    let (before, mut at) = Header::parse(&content).ok()?;
    let mut behind = before.clone();
    while at < content.len() {
        let frame = frame::parse(&content[at..]).ok()?;
        for encoded in frame.encoded() {
            behind.follow_on(encoded.ok()?)?;
        }
        at += frame.size;
    }
    Some(Whole { before, behind, bytes })
}

impl Whole {
    /// How much of a segment's bytes is whole frames behind a whole header, and the last record in them. CRCs alone are checked.
    pub fn prefix_of(segment: &[u8]) -> Option<(Position, usize)> {
        let (header, mut at) = Header::parse(segment).ok()?;
        let mut last = header.before.position;
        while let Ok(frame) = frame::parse(&segment[at..]) {
            last.0 += frame.encoded().map_while(Result::ok).count() as u64;
            at += frame.size;
        }
        Some((last, at))
    }
}

impl Header {
    /// Whether nothing stands before it.
    pub fn is_first(&self) -> bool {
        self.before == Tail::default() && self.recorded_at == 0
    }

    /// Where the log stands behind this record too; nothing if it does not follow.
    pub fn follow_on(&mut self, encoded: &[u8]) -> Option<()> {
        let record = Skimmed::read(encoded)?;
        let Tail { position, streams } = &mut self.before;
        position.0 += 1;
        let (last, hash) = match streams.get_mut(record.stream()) {
            Some(known) => known,
            None => streams.entry(StreamName::new(record.stream())).or_default(),
        };
        if record.position() != *position || record.previous != hash.0.as_slice() {
            return None;
        }
        (*last, *hash) = (*position, hash_of(encoded));
        for commit in &record.commits {
            if commit.recorded_at < self.recorded_at {
                return None;
            }
            self.recorded_at = commit.recorded_at;
        }
        Some(())
    }
}

/// Whether they follow each other from the start on.
fn together(all: &[Whole]) -> Option<Walked> {
    let starts = all.first().is_none_or(|whole| whole.before.is_first());
    let follow = all.windows(2).all(|pair| pair[1].before == pair[0].behind);
    let last = all.last().map(|whole| &whole.behind);
    (starts && follow).then(|| Walked {
        log: last.map(|last| last.log),
        whole: last.map(|last| last.before.clone()).unwrap_or_default(),
        recorded_at: last.map_or(0, |last| last.recorded_at),
        segments: all.len(),
        bytes: all.iter().map(|whole| whole.bytes).sum(),
        damage: None,
        at_the_end: false,
    })
}
