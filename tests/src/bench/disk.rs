//! The disk's own floor: what one `fdatasync` of a small append takes here, now. No durable answer can be quicker.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use anyhow::Result;

use super::{Report, figure::Figure};
use crate::server::own_folder;

const APPENDS: usize = 400;
/// About what one bind writes.
const BYTES: usize = 512;

/// Enters the median time of an append with its `fdatasync`, in the folder where logs are put; in ms.
pub fn floor(report: &mut Report) -> Result<f64> {
    let folder = own_folder()?;
    let mut file = File::create(folder.path().join("floor"))?;
    let mut times = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let begin = Instant::now();
        file.write_all(&[7; BYTES])?;
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    times.sort();
    let floor = times[APPENDS / 2].as_secs_f64() * 1e3;
    report.enter(Figure::new("disk", "F: append and fdatasync, p50", floor, "ms"))?;
    Ok(floor)
}
