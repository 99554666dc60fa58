//! What the heavy tests share: a seed that can be given again, a size that can be raised, and figures that are shown
//! also when a test passes.

use std::io::Write;
use std::time::Duration;

/// A number from the environment, or `otherwise`.
pub fn number(variable: &str, otherwise: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.and_then(|given| given.parse().ok()).unwrap_or(otherwise)
}

/// `MOORING_SEED`, or a new one; it is shown, so that a run can be had again.
pub fn seed(test: &str) -> u64 {
    let seed = number("MOORING_SEED", uuid::Uuid::now_v7().as_u128() as u64 >> 16);
    show(&format!("{test}: MOORING_SEED={seed}"));
    seed
}

/// Writes a line past the test harness, which would keep it to itself.
pub fn show(line: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stdout(), "   {line}");
}

/// Milliseconds with one digit.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
