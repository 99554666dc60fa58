//! The past of a region: its log folded up to any moment, by the cores that the services decide with and the fold that gateways
//! follow. Apart because two answer questions about it, and neither may depend on the other: `moor`, from a log where it
//! lies, and dataplane-sync, from the log that it follows.

mod apart;
mod changes;
mod custody;
mod explain;
mod folded;
mod folding;
mod kernels;
mod key;
mod moment;
mod no_answer;
mod steps;
mod things;
mod told;
mod trace;

pub use changes::{changes, changes_of};
pub use custody::{Change, Custodian, CustodyAsked, Held, Span};
pub use explain::{Explained, explain};
pub use folded::{Folded, Last};
pub use folding::{fold, fold_folder};
pub use kernels::{Kernels, kernels_at};
pub use key::Key;
pub use moment::{Moment, time};
pub use no_answer::NoAnswer;
pub use steps::{Step, step_folder, step_log};
pub use told::told;
pub use trace::{Commits, Names, commits_in_folder, commits_of, trace};
