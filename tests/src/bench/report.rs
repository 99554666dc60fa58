//! The figures of a run, each shown as soon as it is there.

use std::io::Write;

use anyhow::Result;

use super::figure::Figure;

/// Collects figures, and writes each as a line.
pub struct Report {
    figures: Vec<Figure>,
    json: bool,
    out: Box<dyn Write>,
}

impl Report {
    /// Writes lines for people, or JSON objects.
    pub fn new(json: bool, out: Box<dyn Write>) -> Report {
        Report { figures: Vec::new(), json, out }
    }

    /// Shows a figure and keeps it.
    pub fn enter(&mut self, figure: Figure) -> Result<()> {
        match self.json {
            true => writeln!(self.out, "{}", figure.json())?,
            false => writeln!(self.out, "{figure}")?,
        }
        self.out.flush()?;
        self.figures.push(figure);
        Ok(())
    }

    /// Everything so far.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }
}
