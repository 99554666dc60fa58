//! Crash points: in debug builds the process aborts where `MOORING_CRASH_AT` says, so that tests can show that every
//! step is taken up again. Release builds have none.

/// Aborts a debug build here if the environment names this point.
#[inline]
pub fn point(name: &str) {
    #[cfg(debug_assertions)]
    if std::env::var("MOORING_CRASH_AT").is_ok_and(|wanted| wanted == name) {
        tracing::error!(name, "crash point reached");
        std::process::abort();
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
