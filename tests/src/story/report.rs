//! The numbered lines of the story, and the count at its end.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::Result;

/// Writes checks down as they are made.
pub struct Report<'a> {
    out: &'a mut dyn Write,
    passed: u32,
    failed: u32,
    begin: Instant,
}

impl<'a> Report<'a> {
    /// An empty report.
    pub fn new(out: &'a mut dyn Write) -> Report<'a> {
        Report { out, passed: 0, failed: 0, begin: Instant::now() }
    }

    /// Begins a chapter.
    pub fn chapter(&mut self, title: &str) {
        self.say(&format!("\n{title}"));
    }

    /// Makes a check; what it returns is the figure. A failed check does not end the story.
    pub fn check(&mut self, claim: &str, check: impl FnOnce() -> Result<String>) {
        // The error is on the page already.
        let _ = self.must(claim, || check().map(|figure| (figure, ())));
    }

    /// Makes a check without which the story cannot go on, and returns what it gave beside its figure.
    pub fn must<T>(&mut self, claim: &str, check: impl FnOnce() -> Result<(String, T)>) -> Result<T> {
        let number = self.passed + self.failed + 1;
        match check() {
            Ok((figure, given)) => {
                self.passed += 1;
                self.say(&format!("ok     {number:>3}  {claim}  ({figure})"));
                Ok(given)
            }
            Err(error) => {
                self.failed += 1;
                let why = format!("{error:#}").replace('\n', "\n             ");
                self.say(&format!("FAILED {number:>3}  {claim}\n             {why}"));
                Err(error.context(claim.to_owned()))
            }
        }
    }

    /// Prints something that is no check.
    pub fn show(&mut self, text: &str) {
        for line in text.lines() {
            self.say(&format!("            {line}"));
        }
    }

    /// Says that the story ended before its end, which counts as a failure unless a failed check was the cause.
    pub fn stopped(&mut self, error: &anyhow::Error) {
        if self.failed == 0 {
            self.failed = 1;
        }
        self.say(&format!("\nThe story ended here: {error:#}"));
    }

    /// Prints the last line and says whether everything passed.
    pub fn finish(self) -> Result<bool> {
        let (passed, failed) = (self.passed, self.failed);
        writeln!(self.out, "\n{:.1} s", self.begin.elapsed().as_secs_f32())?;
        writeln!(self.out, "{passed} passed, {failed} failed")?;
        self.out.flush()?;
        Ok(failed == 0 && passed > 0)
    }

    fn say(&mut self, line: &str) {
        // The story is told for its cleanups too, when nobody reads any more.
        let written: io::Result<()> = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        drop(written);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failed_check_is_counted_and_the_verdict_says_so() {
        let mut page = Vec::new();
        let mut report = Report::new(&mut page);
        report.check("water is wet", || Ok("very".to_owned()));
        report.check("pigs fly", || bail!("they do not"));
        assert!(!report.finish().unwrap());
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("ok       1  water is wet  (very)"), "{page}");
        assert!(page.contains("FAILED   2  pigs fly\n             they do not"), "{page}");
        assert!(page.ends_with("1 passed, 1 failed\n"), "{page}");
    }

    #[test]
    fn a_story_that_stopped_before_its_first_check_has_failed() {
        let mut page = Vec::new();
        let mut report = Report::new(&mut page);
        report.stopped(&anyhow::anyhow!("no stage"));
        assert!(!report.finish().unwrap());
    }
}
