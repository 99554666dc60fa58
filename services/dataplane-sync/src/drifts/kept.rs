//! The file in which drifts wait for binding, as the requests that it will get: a CRC over all of them, then one after the
//! other with its length. Another file takes its place at every change, synced, so it is whole at every moment.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Write as _},
    path::PathBuf,
};

use mooring_proto::{binding::v1::ReportDriftRequest, stored};
use prost::Message as _;

use super::{Found, reporter::message};

pub(super) struct Kept {
    path: PathBuf,
}

impl Kept {
    /// With what is in the file. One that can't be read as it was written is set aside: traffic does not wait for it.
    pub(super) fn open(path: PathBuf) -> (Self, VecDeque<Found>) {
        let shown = path.display().to_string();
        let found = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(VecDeque::new()),
            Err(error) => {
                tracing::error!(file = shown, %error, "drifts that waited for binding can't be read");
                Some(VecDeque::new())
            }
            Ok(bytes) => parse(&bytes),
        };
        let found = found.unwrap_or_else(|| {
            let aside = path.with_extension("damaged");
            let moved = fs::rename(&path, &aside);
            tracing::error!(file = shown, aside = %aside.display(), ?moved, "drifts that waited for binding are damaged");
            VecDeque::new()
        });
        (Self { path }, found)
    }

    /// In their order; once this returns they outlive the process and the power.
    pub(super) fn save(&self, drifts: &VecDeque<Found>) -> io::Result<()> {
        let folder = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        fs::create_dir_all(folder)?;
        if drifts.is_empty() {
            match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => return File::open(folder)?.sync_all(),
            }
        }
        let content: Vec<u8> =
            drifts.iter().flat_map(|found| message(found).encode_length_delimited_to_vec()).collect();
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&crc32c::crc32c(&content).to_le_bytes())?;
        file.write_all(&content)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(folder)?.sync_all()
    }
}

fn parse(bytes: &[u8]) -> Option<VecDeque<Found>> {
    let (crc, mut rest) = bytes.split_first_chunk::<4>()?;
    let mut found = VecDeque::new();
    // An empty file is never written, and its CRC would be right.
    if rest.is_empty() || crc32c::crc32c(rest) != u32::from_le_bytes(*crc) {
        return None;
    }
    while !rest.is_empty() {
        let request = ReportDriftRequest::decode_length_delimited(&mut rest).ok()?;
        let drift = stored::drift::read(request.drift?).ok()?;
        found.push_back(Found { request_id: request.request_id.parse().ok()?, drift });
    }
    Some(found)
}
