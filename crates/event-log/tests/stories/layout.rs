//! The file format read a second time, from its description in docs/design/log.md and not by the code under test.
#![allow(dead_code, reason = "no story needs all of it")]

use std::{fs, ops::Range, path::Path};

/// All segments of a log.
#[derive(Clone)]
pub struct Layout {
    pub segments: Vec<Segment>,
}

#[derive(Clone)]
pub struct Segment {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Where the header ends.
    pub header: usize,
    pub frames: Vec<Frame>,
}

#[derive(Clone, Debug)]
pub struct Frame {
    pub first: u64,
    pub records: u64,
    pub range: Range<usize>,
}

impl Layout {
    pub fn read(folder: &Path) -> Self {
        let mut names: Vec<_> = fs::read_dir(folder.join("segments"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".log"))
            .collect();
        names.sort();
        let segment =
            |name: String| Segment::read(fs::read(folder.join("segments").join(&name)).unwrap(), name);
        Self { segments: names.into_iter().map(segment).collect() }
    }

    /// Makes the folder hold exactly this.
    pub fn put(&self, folder: &Path) {
        let segments = folder.join("segments");
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
        fs::create_dir_all(&segments).unwrap();
        for segment in &self.segments {
            fs::write(segments.join(&segment.name), &segment.bytes).unwrap();
        }
    }

    /// Whether the folder's segments are exactly these, byte for byte.
    pub fn is_in(&self, folder: &Path) -> bool {
        let found = Self::read_bytes(folder);
        found.len() == self.segments.len()
            && found
                .iter()
                .zip(&self.segments)
                .all(|(found, own)| found.0 == own.name && found.1 == own.bytes)
    }

    fn read_bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut found: Vec<_> = fs::read_dir(folder.join("segments"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect();
        found.sort();
        found
    }

    pub fn last_frame(&self) -> &Frame {
        self.segments.last().unwrap().frames.last().unwrap()
    }
}

impl Segment {
    fn read(bytes: Vec<u8>, name: String) -> Self {
        let header = 16 + word(&bytes, 12) + 4;
        let mut frames = Vec::new();
        let mut at = header;
        while at < bytes.len() {
            let end = at + 20 + word(&bytes, at + 4) + 4;
            let first = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap());
            frames.push(Frame { first, records: records(&bytes[at + 20..end - 4]), range: at..end });
            at = end;
        }
        Self { name, bytes, header, frames }
    }

    /// The position of the first record it has, or would have.
    pub fn first(&self) -> u64 {
        self.name.trim_end_matches(".log").parse().unwrap()
    }
}

fn records(body: &[u8]) -> u64 {
    let (mut at, mut records) = (0, 0);
    while at < body.len() {
        at += 4 + word(body, at);
        records += 1;
    }
    records
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}
