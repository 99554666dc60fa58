//! What a service's user must be allowed to do on the servers, and nothing else: it publishes on its own subjects,
//! and asks about its region's JetStream stream. It can't make, change, empty or delete one.

use crate::record::StreamName;

/// The subjects of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// What it must be allowed to publish to.
    pub publish: Vec<String>,
    /// What it must be allowed to subscribe to.
    pub subscribe: Vec<String>,
}

impl Permissions {
    /// For a process that appends to these streams of a region; without any, for one that only reads.
    pub fn of<'a>(region: &str, writes: impl IntoIterator<Item = &'a StreamName>) -> Self {
        let own = writes.into_iter().map(|stream| format!("mooring.{region}.{stream}"));
        let asked = [
            // Its state, settings and age.
            format!("$JS.API.STREAM.INFO.mooring-{region}"),
            // A message, to compare it with the copy.
            format!("$JS.API.STREAM.MSG.GET.mooring-{region}"),
            // The consumer that fills the copy. It is gone five seconds after its connection.
            format!("$JS.API.CONSUMER.CREATE.mooring-{region}"),
            // The answers to that consumer's flow control.
            format!("$JS.FC.mooring-{region}.>"),
        ];
        Self { publish: own.chain(asked).collect(), subscribe: vec!["_INBOX.>".to_owned()] }
    }
}
