//! Printing the history: commits as lines for people or as JSON lines, each once.

use mooring_proto::dataplane::v1::Commit;

use crate::{
    failure::Failure,
    history::Names,
    invocation::Invocation,
    json,
    labels::Labels,
    output::{Format, print},
    wire,
};

/// Prints commits, each once.
pub(super) struct Printer {
    pub(super) format: Format,
    pub(super) names: Names,
    /// Only what came behind this position …
    pub(super) after: u64,
    /// … and this commit …
    pub(super) behind: Option<(u64, u32)>,
    /// … and up to that one.
    pub(super) up_to: Option<(u64, u32)>,
    /// Position and index of the last commit printed.
    last: Option<(u64, u32)>,
    pub(super) printed: u64,
    limit: Option<u64>,
}

impl Printer {
    pub(super) fn new(format: Format, after: u64, limit: Option<u64>) -> Self {
        let names = Names::default();
        Self { format, names, after, behind: None, up_to: None, last: None, printed: 0, limit }
    }

    /// Prints a commit unless it was printed before. False when nothing more is wanted.
    pub(super) fn print(&mut self, commit: &Commit) -> Result<bool, Failure> {
        let at = (commit.position, commit.index);
        if self.up_to.is_some_and(|up_to| at > up_to) {
            return Ok(false);
        }
        if let Some(text) = self.text(commit)? {
            print(&text)?;
        }
        Ok(self.limit.is_none_or(|limit| self.printed < limit))
    }

    /// What to print of a commit: nothing when it was printed before.
    fn text(&mut self, commit: &Commit) -> Result<Option<String>, Failure> {
        let at = (commit.position, commit.index);
        if self.last.max(self.behind).is_some_and(|last| at <= last) {
            return Ok(None);
        }
        self.last = Some(at);
        self.printed += 1;
        Ok(Some(match self.format {
            Format::Table => lines(commit, &mut self.names),
            Format::Json => json::of("mooring.dataplane.v1.Commit", commit)?.to_string(),
        }))
    }

    /// Learns what these commits only have ids of: a filter leaves out the events that say it.
    pub(super) async fn learn(&mut self, moor: &Invocation, commits: &[Commit]) {
        if self.format != Format::Table {
            return;
        }
        let unknown = self.names.look_ahead(commits.iter().flat_map(|commit| &commit.events));
        let labels = Labels::read(moor, unknown.iter().map(|(_, name)| &**name)).await;
        for (id, name) in &unknown {
            if let Some(label) = labels.get(name) {
                self.names.call(id, label.clone());
            }
        }
    }

    /// The last record may have had more commits than were seen: it is asked for again.
    pub(super) fn resume_after(&self) -> u64 {
        self.last.map_or(self.after, |(position, _)| position.saturating_sub(1).max(self.after))
    }

    pub(super) fn end(&self) -> Result<(), Failure> {
        let nothing = self.printed == 0 && self.format == Format::Table;
        match (nothing, self.behind.is_some() || self.up_to.is_some()) {
            (false, _) => Ok(()),
            (true, false) => print(&format!("nothing happened after position {}", self.after)),
            (true, true) => print("nothing of that happened there"),
        }
    }
}

/// One line for each event of a commit.
fn lines(commit: &Commit, names: &mut Names) -> String {
    let at = format!("{}.{}", commit.position, commit.index);
    let (time, actor, stream) = (wire::time_ms(commit.recorded_at), &commit.actor, &commit.stream);
    let events = commit.events.iter().map(|event| {
        let sentence = names.sentence(event);
        format!("{at:>8}  {time}  {actor:<24}  {stream:<8}  {sentence}")
    });
    events.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use mooring_proto::event::v1::{Event, GatewayRegistered, event::Kind};

    use super::*;

    fn commit(position: u64, index: u32) -> Commit {
        let event = GatewayRegistered { gateway: "gw-1".into(), region: "r1".into() };
        Commit {
            position,
            index,
            stream: "binding".into(),
            actor: "ops@host".into(),
            recorded_at: 1_795_181_156_123_456_789,
            events: vec![Event { kind: Some(Kind::GatewayRegistered(event)) }],
            ..Default::default()
        }
    }

    #[test]
    fn a_line_says_where_when_who_and_what() {
        let line = lines(&commit(12, 0), &mut Names::default());
        let words: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        let expected = [
            "12.0",
            "2026-11-20T13:25:56.123Z",
            "ops@host",
            "binding",
            "gateway gw-1 registered in region r1",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn a_broken_stream_is_taken_up_in_the_middle_of_a_record_without_a_gap_or_a_double() {
        let mut printer = Printer::new(Format::Json, 3, None);
        assert_eq!(printer.resume_after(), 3);
        assert!(printer.text(&commit(4, 0)).unwrap().is_some());
        assert!(printer.text(&commit(5, 0)).unwrap().is_some());
        assert_eq!(printer.resume_after(), 4, "record 5 may have more commits");
        assert!(printer.text(&commit(4, 0)).unwrap().is_none());
        assert!(printer.text(&commit(5, 0)).unwrap().is_none());
        assert!(printer.text(&commit(5, 1)).unwrap().is_some());
        assert_eq!(printer.printed, 3);
    }
}
