//! How many passed and failed, and the line of a test program that says so.

use std::fmt;
use std::ops::AddAssign;

/// Shown as `N passed, N failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: usize,
    pub failed: usize,
}

impl Count {
    pub fn passed(passed: usize) -> Self {
        Self { passed, failed: 0 }
    }

    pub fn failed(failed: usize) -> Self {
        Self { passed: 0, failed }
    }

    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`. An ignored test counts as failed: it did not run.
    pub fn from_line(line: &str) -> Option<Self> {
        let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut count = Self::default();
        for part in numbers.split("; ") {
            match part.split_once(' ') {
                Some((number, "passed")) => count.passed += number.parse::<usize>().ok()?,
                Some((number, "failed" | "ignored")) => count.failed += number.parse::<usize>().ok()?,
                _ => {}
            }
        }
        Some(count)
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_test_program_is_read() {
        let line = "test result: FAILED. 12 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(Count::from_line(line), Some(Count { passed: 12, failed: 2 }));
    }

    #[test]
    fn an_ignored_test_counts_as_failed() {
        let line =
            "test result: ok. 1 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(Count::from_line(line), Some(Count { passed: 1, failed: 3 }));
    }

    #[test]
    fn other_lines_are_none() {
        assert_eq!(Count::from_line("test a::b ... ok"), None);
        assert_eq!(Count::from_line("test result: odd"), None);
    }

    #[test]
    fn it_is_shown_as_people_and_scripts_expect() {
        assert_eq!(Count { passed: 3, failed: 0 }.to_string(), "3 passed, 0 failed");
    }
}
