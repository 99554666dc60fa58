//! `--validate-only`: what a write would answer, and what would happen, in the words of `moor log`.

use mooring_proto::{event::v1::Event, preview};
use prost::Message;
use serde_json::{Value, json};
use tonic::metadata::MetadataMap;

use crate::{failure::Failure, history::Names, json};

/// What would be stored.
#[derive(Debug, Default)]
pub struct Preview {
    events: Vec<Event>,
    left_off: u64,
}

impl Preview {
    /// As the answer to a write says it.
    pub fn of(metadata: &MetadataMap) -> Result<Self, Failure> {
        let events = preview::events_in(metadata).into_iter().map(Event::decode);
        let events = events.collect::<Result<_, _>>();
        let events =
            events.map_err(|cause| Failure::bad_answer(format!("an event can't be read: {cause}")))?;
        Ok(Self { events, left_off: preview::left_off(metadata) })
    }

    /// For people.
    pub fn text(&self) -> String {
        if self.events.is_empty() {
            return "nothing would be written: it holds already".to_owned();
        }
        let mut names = Names::default();
        let sentences = self.events.iter().map(|event| format!("  {}", names.sentence(event)));
        let more = (self.left_off > 0).then(|| format!("  and {} more", self.left_off));
        let lines: Vec<_> = sentences.chain(more).collect();
        format!("nothing was written; this would be:\n{}", lines.join("\n"))
    }

    /// For programs: the answer, and the events.
    pub fn json(&self, answer: Value) -> Result<Value, Failure> {
        let events = self.events.iter().map(|event| json::of("mooring.event.v1.Event", event));
        let events = events.collect::<Result<Value, _>>()?;
        Ok(json!({"answer": answer, "events": events, "left_off": self.left_off}))
    }
}

#[cfg(test)]
mod tests {
    use mooring_proto::event::v1::{VpcCreated, event::Kind};

    use super::*;

    #[test]
    fn what_would_be_is_told_as_what_was() {
        assert!(Preview::default().text().starts_with("nothing would be written"));
        let vpc = VpcCreated { display_name: "blue".into(), ..Default::default() };
        let event = Event { kind: Some(Kind::VpcCreated(vpc)) };
        let preview = Preview { events: vec![event], left_off: 2 };
        let text = preview.text();
        assert!(text.contains("  VPC blue created") && text.ends_with("  and 2 more"), "{text}");
        let json = preview.json(json!({"position": 0})).unwrap();
        assert_eq!(json["events"][0]["vpc_created"]["display_name"], "blue");
    }
}
