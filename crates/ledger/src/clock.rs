//! The wall clock. While a debug build runs a test may set it: by so many nanoseconds as the file says that `MOORING_CLOCK`
//! names. Release builds have the machine's.

use std::time::{SystemTime, UNIX_EPOCH};

use mooring_domain::Timestamp;

/// The time now.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    by_this_clock(Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

/// What the kernel says that time it was, by the same clock as [`now`].
pub fn by_this_clock(kernels: Timestamp) -> Timestamp {
    Timestamp(kernels.0.saturating_add_signed(set_by()))
}

#[cfg(debug_assertions)]
fn set_by() -> i64 {
    static FILE: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    let file = FILE.get_or_init(|| std::env::var_os("MOORING_CLOCK").map(Into::into));
    let said = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    said.and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or(0)
}

#[cfg(not(debug_assertions))]
const fn set_by() -> i64 {
    0
}
