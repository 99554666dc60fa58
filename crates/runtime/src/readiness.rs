//! Readiness that tells the truth, both ways: named conditions, each met or not met for a reason. The process is ready
//! while all of them are met.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};

/// Why a condition is not met; `None` when it is.
pub type Unmet = Option<String>;

/// Every condition of a process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    all: watch::Sender<BTreeMap<String, Unmet>>,
}

/// One of them, for the part that it is about.
#[derive(Debug)]
pub struct Condition {
    name: String,
    all: watch::Sender<BTreeMap<String, Unmet>>,
}

/// A condition that is met once, and for good: when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Latch {
    _held: Arc<Held>,
}

#[derive(Debug)]
struct Held(Condition);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl Conditions {
    /// Adds one that is not met yet.
    pub fn add(&self, name: impl Into<String>, why: impl Into<String>) -> Condition {
        let condition = Condition { name: name.into(), all: self.all.clone() };
        condition.set(Some(why.into()));
        condition
    }

    /// Adds one that is as the watch says, for as long as somebody sends. `why` counts until then.
    pub fn follow(
        &self,
        name: impl Into<String>,
        why: impl Into<String>,
        mut watch: watch::Receiver<Unmet>,
    ) -> JoinHandle<()> {
        let condition = self.add(name, why);
        tokio::spawn(async move {
            while watch.changed().await.is_ok() {
                let unmet = watch.borrow_and_update().clone();
                condition.set(unmet);
            }
        })
    }

    /// Whether all are met.
    pub fn are_met(&self) -> bool {
        self.all.borrow().values().all(Option::is_none)
    }

    /// Resolves once all are met.
    pub async fn met(&self) {
        self.changed_to(true).await;
    }

    /// Resolves once one is not met.
    pub async fn not_met(&self) {
        self.changed_to(false).await;
    }

    /// Resolves once all are met, or one is not.
    async fn changed_to(&self, ready: bool) {
        let mut all = self.all.subscribe();
        // We hold a sender ourselves.
        let _ = all.wait_for(|all| all.values().all(Option::is_none) == ready).await;
    }

    /// What is missing, in one line; empty when nothing is.
    pub fn missing(&self) -> String {
        let all = self.all.borrow();
        let missing =
            all.iter().filter_map(|(name, unmet)| unmet.as_ref().map(|why| format!("{name}: {why}")));
        missing.collect::<Vec<_>>().join("; ")
    }

    /// Every condition on a line of its own, for people.
    pub fn text(&self) -> String {
        let mut text = String::from(if self.are_met() { "ready\n" } else { "not ready\n" });
        for (name, unmet) in self.all.borrow().iter() {
            // Writing to a text can't fail.
            let _ = match unmet {
                None => writeln!(text, "met: {name}"),
                Some(why) => writeln!(text, "not met: {name}: {why}"),
            };
        }
        text
    }
}

impl Condition {
    /// It is met, or it is not, and why.
    pub fn set(&self, unmet: Unmet) {
        self.all.send_if_modified(|all| {
            let other = all.get(&self.name) != Some(&unmet);
            if other {
                all.insert(self.name.clone(), unmet);
            }
            other
        });
    }

    /// Met once for good, when the last latch is dropped.
    pub fn latch(self) -> Latch {
        Latch { _held: Arc::new(Held(self)) }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn ready_only_while_every_condition_is_met() {
        let conditions = Conditions::default();
        let log = conditions.add("log r1", "not asked yet");
        let peer = conditions.add("peer binding", "not asked yet");
        assert!(conditions.met().now_or_never().is_none());
        log.set(None);
        assert_eq!(conditions.missing(), "peer binding: not asked yet");
        peer.set(None);
        assert!(conditions.met().now_or_never().is_some());
        log.set(Some("does not answer".to_owned()));
        assert!(!conditions.are_met());
        assert_eq!(conditions.text(), "not ready\nnot met: log r1: does not answer\nmet: peer binding\n");
    }

    #[test]
    fn a_latch_is_met_when_its_last_clone_is_dropped() {
        let conditions = Conditions::default();
        let first = conditions.add("VPCs of r1", "not tried yet").latch();
        let second = first.clone();
        drop(first);
        assert!(!conditions.are_met());
        drop(second);
        assert!(conditions.are_met());
    }

    #[tokio::test]
    async fn a_condition_follows_a_watch_both_ways() {
        let conditions = Conditions::default();
        let (sender, watch) = watch::channel(None);
        let _task = conditions.follow("log r1", "not asked yet", watch);
        assert_eq!(conditions.missing(), "log r1: not asked yet");
        sender.send_replace(None);
        conditions.met().await;
        sender.send_replace(Some("gone".to_owned()));
        conditions.not_met().await;
        assert_eq!(conditions.missing(), "log r1: gone");
    }
}
