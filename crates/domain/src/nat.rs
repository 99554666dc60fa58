//! The dataplane's pure part: the log folded into what each VPC's kernel should have, and how to get there.
//!
//! [`fold`] makes [`Desired`] out of commits; [`diff`] compares one VPC's [`VpcDesired`] with what was read back from
//! its kernel and answers with operations; [`differences`] says by name what differs, [`RunningHash`] whether anything
//! does. F1 lives here: a holder change alters `holders` and never `nat`.

mod between;
mod change;
mod desired;
mod diff;
mod drops;
mod element;
mod fold;
pub mod ruleset;
mod running;
mod touched;
pub mod walk;
mod wanted;

pub use between::between;
pub use change::{Change, Pair};
pub use desired::{DESIRED_VERSION, Desired, Gone, VpcDesired};
pub use diff::{Actual, Op, diff};
pub use drops::DropReason;
pub use element::{Difference, Element, differences};
pub use fold::{fold, fold_change};
pub use running::{FoldedHash, RunningHash};
pub use touched::Touched;
pub use wanted::wanted;
