//! What a reconciler needs of one VPC's kernel.

use std::net::Ipv4Addr;

use mooring_domain::{
    address::Mac,
    nat::{Actual, Op, Touched},
};

use crate::{DropReason, Fault};

/// One VPC's router namespace. Calls block; none waits longer than the kernel takes.
///
/// Every implementation passes [`crate::suite::run`].
pub trait Driver: Send {
    /// What the kernel has now. Never changes anything, and never reports what is not ours.
    fn read(&mut self) -> Result<Actual, Fault> {
        self.read_known(&Actual::default())
    }

    /// The same, whatever is `known`. It is quicker where exactly that is there: of a million bindings, by far.
    fn read_known(&mut self, known: &Actual) -> Result<Actual, Fault>;

    /// Take these steps in their order; all nftables steps among them are one transaction, all or nothing.
    ///
    /// After a `Fault` the kernel may have taken a part of the other steps: read again.
    fn apply(&mut self, ops: &[Op]) -> Result<(), Fault>;

    /// Take everything of ours out, tables and all. What is gone already is no fault.
    fn clear(&mut self) -> Result<(), Fault>;

    /// Grows with every change of the namespace's rulesets, whoever made it. Cheap: for finding drift.
    fn generation(&mut self) -> Result<u32, Fault>;

    /// Which elements of the two tables were touched since that generation, by whomever, as they are now, and the generation
    /// by now. `None`: more than elements was, or not all of it was heard: only reading tells.
    fn touched(&mut self, since: u32) -> Result<Option<(u32, Vec<Touched>)>, Fault>;

    /// Packets dropped since the ruleset was made, by reason, in [`DropReason::ALL`]'s order. Empty without a ruleset.
    fn drops(&mut self) -> Result<Vec<(DropReason, u64)>, Fault>;

    /// Ask on the inside who holds each of these HAVIPs: an ARP request from the gateway's own address and MAC, to the
    /// holder alone when one is given, else to all. The answer is a claim, seen by a [`crate::Watcher`].
    fn ask(&mut self, havips: &[(Ipv4Addr, Option<Mac>)]) -> Result<(), Fault>;

    /// Ask holders whether they still have their HAVIPs, each alone, from no address: the answer is no claim, but
    /// [`crate::Seen::Alive`]. Whether the questions went out: without a carrier they do not.
    fn probe(&mut self, holders: &[(Ipv4Addr, Mac)]) -> Result<bool, Fault>;

    /// Tell the outside where these EIPs are: gratuitous ARP, as a request and as a reply.
    fn announce(&mut self, eips: &[Ipv4Addr]) -> Result<(), Fault>;

    /// What about this place keeps packets from passing although nothing is wrong with our part: forwarding that is
    /// switched off, a chain of somebody else's that drops them. One sentence each; empty when all is well.
    fn preflight(&mut self) -> Result<Vec<String>, Fault>;
}
