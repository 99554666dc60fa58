//! Where a log lies: a data folder, which has one log for each region, or the folder of one log.

use std::{
    fmt, fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use mooring_domain::name::RegionId;
use mooring_past::{Folded, Moment, Step, fold_folder, step_folder};

use crate::{
    failure::Failure,
    resolve::{Argument, Home},
};

/// What has the segments of a log in it.
const SEGMENTS: &str = "segments";
/// What has the logs in a data folder.
const LOGS: &str = "log";

/// The folder of one region's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// It has `segments` in it.
    pub folder: PathBuf,
    /// The region that a data folder has it for.
    pub region: Option<RegionId>,
    /// The region that `--region` asks for.
    pub asked: Option<RegionId>,
}

impl Place {
    /// The log that `PLACE` and `--region` say. It must be there.
    pub fn find(place: &str, home: &Home) -> Result<Self, Failure> {
        let argument = Argument::new("PLACE", place);
        let lower = place.to_ascii_lowercase();
        if lower.starts_with("nats://") || lower.starts_with("tls://") {
            let what = "expected file:FOLDER or a folder; `moor log copy` brings a log from NATS into one";
            return Err(Failure::argument(argument, what));
        }
        let text = place.strip_prefix("file:").unwrap_or(place);
        let folder = Path::new(text.strip_prefix("//").unwrap_or(text));
        if folder.as_os_str().is_empty() {
            return Err(Failure::argument(argument, "empty: expected file:FOLDER or a folder"));
        }
        if folder.join(SEGMENTS).is_dir() {
            let asked = home.region.clone();
            return Ok(Self { folder: folder.to_owned(), region: None, asked });
        }
        Self::in_data(folder, home)
    }

    /// The log folded up to what `argument` says.
    pub fn fold(&self, argument: Argument<'_>) -> Result<Folded, Failure> {
        let failed = |no_answer| Failure::of_the_past(argument, no_answer);
        let folded = Moment::parse(argument.text).and_then(|moment| fold_folder(&self.folder, moment));
        let folded = folded.map_err(failed)?;
        self.check_region(&folded)?;
        Ok(folded)
    }

    /// Tells `each` of every commit after `from` up to what `to` says, in order, until it breaks.
    pub fn steps(
        &self,
        from: Folded,
        to: Argument<'_>,
        each: impl FnMut(Step<'_>) -> ControlFlow<()> + Send,
    ) -> Result<(), Failure> {
        let stepped = Moment::parse(to.text).and_then(|moment| step_folder(&self.folder, from, moment, each));
        stepped.map(drop).map_err(|no_answer| Failure::of_the_past(to, no_answer))
    }

    /// A folder may have any name: the log itself knows whose it is.
    fn check_region(&self, folded: &Folded) -> Result<(), Failure> {
        let Some(found) = folded.region() else { return Ok(()) };
        let said = [("--region", &self.asked), ("PLACE", &self.region)];
        for (argument, region) in said {
            if let Some(region) = region.as_ref().filter(|region| *region != found) {
                let what = format!("there is no log of region {region} in {self}: it is region {found}'s");
                return Err(Failure::no_log(argument, &what));
            }
        }
        Ok(())
    }

    fn in_data(data: &Path, home: &Home) -> Result<Self, Failure> {
        let regions = regions(&data.join(LOGS));
        let has = regions.iter().map(RegionId::as_str).collect::<Vec<_>>().join(", ");
        let shown = data.display();
        let region = match (&home.region, &regions[..]) {
            (_, []) => {
                let what =
                    format!("there is no log in {shown}: neither {SEGMENTS} nor {LOGS}/REGION/{SEGMENTS}");
                return Err(Failure::no_log("PLACE", &what));
            }
            (Some(region), _) if regions.contains(region) => region.clone(),
            (Some(region), _) => {
                let what = format!("there is no log of region {region} in {shown}: it has {has}");
                return Err(Failure::no_log("--region", &what));
            }
            (None, [only]) => only.clone(),
            (None, _) => {
                let what = format!("which region? {shown} has {has}");
                return Err(Failure::argument(Argument::new("--region", ""), &what));
            }
        };
        let folder = data.join(LOGS).join(region.as_str());
        Ok(Self { folder, region: Some(region), asked: home.region.clone() })
    }
}

/// The regions that have a log here, by name.
fn regions(logs: &Path) -> Vec<RegionId> {
    let entries = fs::read_dir(logs).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<RegionId> = entries
        .filter(|entry| entry.path().join(SEGMENTS).is_dir())
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    found.sort();
    found
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.display().fmt(f)
    }
}
