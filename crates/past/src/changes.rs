//! What differs between a region at two moments.

use std::collections::BTreeSet;

use mooring_domain::{
    Commit, Event,
    id::HavipId,
    name::{ProjectId, Scope},
};
use mooring_proto::{
    dataplane::v1::{Change, Thing, thing::Kind},
    health::v1::holder::State as Held,
};

use crate::{Folded, Key, key::touched, things::is_of};

/// What differs, kind by kind. Of a project as in [`Folded::things`].
pub fn changes(before: &Folded, after: &Folded, project: Option<&ProjectId>) -> impl Iterator<Item = Change> {
    let keys: BTreeSet<Key> = before.keys().chain(after.keys()).collect();
    among(keys, before, after, project)
}

/// What one commit changed: [`changes`], without looking at what it can't have changed.
pub fn changes_of(
    commit: &Commit,
    before: &Folded,
    after: &Folded,
    project: Option<&ProjectId>,
) -> impl Iterator<Item = Change> {
    let mut keys: BTreeSet<Key> = commit.events.iter().flat_map(touched).collect();
    // A failed binding is forgotten after a day, by whatever comes then.
    let forgotten = before.binding.failed().take_while(|binding| after.binding.get(*binding).is_none());
    keys.extend(forgotten.map(Key::Binding));
    // An address cools no more, whatever comes then.
    keys.extend(before.resource.cooling().over(commit.recorded_at).map(|(pool, _)| Key::Pool(pool)));
    keys.extend(lost(commit, before).map(Key::Holder));
    among(keys, before, after, project)
}

/// The HAVIPs that were held by vNICs which are gone with this.
fn lost<'a>(commit: &'a Commit, before: &'a Folded) -> impl Iterator<Item = HavipId> + 'a {
    let gone = commit.events.iter().filter_map(|event| match event {
        Event::VnicDeleted(deleted) => Some(deleted),
        _ => None,
    });
    gone.flat_map(|deleted| {
        let scope = Scope { project: deleted.project.clone(), region: deleted.region.clone() };
        let havips = before.holder.list(&scope, None);
        havips
            .filter(|havip| havip.holding.as_ref().is_some_and(|holding| holding.vnic.id == deleted.vnic.id))
    })
    .map(|havip| havip.facts.id)
}

fn among(
    keys: BTreeSet<Key>,
    before: &Folded,
    after: &Folded,
    project: Option<&ProjectId>,
) -> impl Iterator<Item = Change> {
    let there = move |folded: &Folded, key: &Key| {
        let is_ours = |thing: &Thing| project.is_none_or(|project| is_of(thing, project));
        folded.thing(key).filter(is_there).filter(is_ours)
    };
    let sides = keys.into_iter().map(move |key| (there(before, &key), there(after, &key)));
    let differ = |(before, after): &(Option<Thing>, Option<Thing>)| {
        before.as_ref().map(|thing| &thing.kind) != after.as_ref().map(|thing| &thing.kind)
    };
    sides.filter(differ).map(|(before, after)| Change { before, after })
}

/// A HAVIP that nobody holds has no holder: none comes or goes with it.
fn is_there(thing: &Thing) -> bool {
    !matches!(&thing.kind, Some(Kind::Holder(holder)) if holder.state() == Held::None)
}

#[cfg(test)]
mod tests {
    use mooring_domain::{
        Actor, CommitPosition, Event, Position, Stream, Timestamp,
        binding::FAILED_ARE_REMEMBERED,
        event::{BindFailed, BindRequested, GatewayFacts},
    };

    use super::*;

    const ID: &str = "01976e2a-0000-7000-8000-000000000001";

    fn commit(position: u64, recorded_at: u64, event: Event) -> Commit {
        Commit {
            at: CommitPosition { position: Position(position), index: 0 },
            stream: Stream::Binding,
            actor: Actor("test".into()),
            request_id: None,
            recorded_at: Timestamp(recorded_at),
            events: vec![event],
        }
    }

    #[test]
    fn a_failed_binding_goes_with_a_commit_that_is_not_about_it() {
        let request = BindRequested {
            binding: ID.parse().unwrap(),
            eip: ID.parse().unwrap(),
            havip: ID.parse().unwrap(),
            project: "p1".parse().unwrap(),
            region: "r1".parse().unwrap(),
            eip_project: "p1".parse().unwrap(),
            moved_from: None,
        };
        let failed = BindFailed { request: request.clone(), reason: "NO".into(), message: "no".into() };
        let mut before = Folded::default();
        before.commit(&commit(1, 1, Event::BindRequested(request)));
        before.commit(&commit(2, 2, Event::BindFailed(failed)));
        let gateway = GatewayFacts { gateway: "gw-1".parse().unwrap(), region: "r1".parse().unwrap() };
        let day = u64::try_from(FAILED_ARE_REMEMBERED.as_nanos()).unwrap();
        let other = commit(3, 3 + day, Event::GatewayRegistered(gateway));
        let mut after = before.clone();
        after.commit(&other);
        let of: Vec<_> = changes_of(&other, &before, &after, None).collect();
        assert_eq!(of, changes(&before, &after, None).collect::<Vec<_>>());
        assert_eq!(of.len(), 2);
        assert!(of[0].after.is_none(), "the binding is forgotten");
    }
}
