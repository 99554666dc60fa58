//! One figure: what was measured, what was asked for, and the peer beside it.

use std::fmt;

use serde_json::{Map, Value, json};

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The benchmark, as `cargo xtask bench` names it.
    pub bench: &'static str,
    /// What was measured.
    pub case: String,
    /// How much it was.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What was asked for.
    pub goal: Option<Goal>,
    /// What another did in the same run.
    pub peer: Option<Peer>,
}

/// What was asked for, in the figure's unit.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
}

/// Another's figure, in the same unit.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who.
    pub name: &'static str,
    /// How much.
    pub value: f64,
}

impl Figure {
    /// A figure that nothing was asked of, and without a peer.
    pub fn new(bench: &'static str, case: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { bench, case: case.into(), value, unit, goal: None, peer: None }
    }

    /// The same, with what was asked for.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Figure {
        Figure { goal: Some(goal), ..self }
    }

    /// The same, beside another's.
    #[must_use]
    pub fn beside(self, name: &'static str, value: f64) -> Figure {
        Figure { peer: Some(Peer { name, value }), ..self }
    }

    /// What part of the peer's it is, or how many times.
    pub fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().filter(|peer| peer.value > 0.0).map(|peer| self.value / peer.value)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let mut fields = Map::new();
        let mut enter = |key: &str, value: Value| drop(fields.insert(key.to_owned(), value));
        enter("bench", json!(self.bench));
        enter("case", json!(self.case));
        enter("value", json!(rounded(self.value)));
        enter("unit", json!(self.unit));
        if let Some(goal) = &self.goal {
            enter("goal", json!(goal.to_string()));
            enter("met", json!(goal.met(self.value)));
        }
        if let Some(peer) = &self.peer {
            enter("peer", json!(peer.name));
            enter("peer_value", json!(rounded(peer.value)));
        }
        if let Some(ratio) = self.ratio() {
            enter("ratio", json!(rounded(ratio)));
        }
        Value::Object(fields)
    }
}

impl Goal {
    /// Whether a value is as asked.
    pub fn met(&self, value: f64) -> bool {
        match self {
            Goal::AtLeast(least) => value >= *least,
            Goal::AtMost(most) => value <= *most,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtLeast(least) => write!(f, "≥ {}", rounded(*least)),
            Goal::AtMost(most) => write!(f, "≤ {}", rounded(*most)),
        }
    }
}

/// For people, on one line.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<70} {:>8} {:<7}", self.case, rounded(self.value), self.unit)?;
        if let Some(goal) = &self.goal {
            let met = if goal.met(self.value) { "met" } else { "NOT MET" };
            write!(f, " goal {goal}: {met}")?;
        }
        if let (Some(peer), Some(ratio)) = (&self.peer, self.ratio()) {
            write!(f, " ({}: {}, × {})", peer.name, rounded(peer.value), rounded(ratio))?;
        }
        Ok(())
    }
}

/// Three digits that mean something.
fn rounded(value: f64) -> f64 {
    let scale = match value.abs() {
        large if large >= 100.0 => 1.0,
        middle if middle >= 10.0 => 10.0,
        middle if middle >= 1.0 => 100.0,
        _ => 1000.0,
    };
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_figure_says_whether_it_is_as_asked_and_stands_beside_its_peer() {
        let figure = Figure::new("jetstream", "256 clients", 1500.0, "binds/s")
            .goal(Goal::AtLeast(3000.0))
            .beside("mooringd", 3000.0);
        let json = figure.json();
        assert_eq!((json["met"].as_bool(), json["ratio"].as_f64()), (Some(false), Some(0.5)));
        assert!(figure.to_string().contains("NOT MET"), "{figure}");
        assert_eq!(Goal::AtLeast(1_027_479.060_285).to_string(), "≥ 1027479");
        assert!(Goal::AtMost(5.0).met(5.0) && !Goal::AtMost(5.0).met(5.1));
    }

    #[test]
    fn a_peer_that_did_nothing_gives_no_ratio() {
        let figure = Figure::new("start", "snapshot", 1.0, "s").beside("nobody", 0.0);
        assert!(figure.json().get("ratio").is_none());
    }
}
