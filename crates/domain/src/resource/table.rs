//! One kind of thing: by id, by parent in id order, and by display name. Everything in it has one parent and one name.

use std::{ops::Bound, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CoolingEip;
use crate::{
    CommitPosition, Expected, Rejection,
    event::{EipDescribed, HavipCreated, PoolCreated, SubnetCreated, VnicCreated, VpcCreated},
    id::{Eip, Havip, Id, Kind, Pool, Subnet, Vnic, Vpc},
    name::{Label, RegionId, Scope},
    packed::{Grouped, PackedMap},
};

/// What things are listed under: the region for the operator's, a project's scope for the others.
pub trait Parent: Clone + Ord {
    /// Its resource name.
    fn name(&self) -> String;
}

impl Parent for RegionId {
    fn name(&self) -> String {
        format!("regions/{self}")
    }
}

impl Parent for Scope {
    fn name(&self) -> String {
        self.to_string()
    }
}

/// What a table needs to know of a thing.
pub trait Facts: Clone {
    /// Its kind.
    type Kind: Kind;
    /// What it is listed under.
    type Parent: Parent;
    /// Its id.
    fn id(&self) -> Id<Self::Kind>;
    /// Its parent.
    fn parent(&self) -> Self::Parent;
    /// Its display name.
    fn label(&self) -> &Label;
    /// Its resource name.
    fn name(&self) -> String {
        name(&self.parent(), self.id())
    }
}

fn name<K: Kind>(parent: &impl Parent, id: Id<K>) -> String {
    format!("{}/{}/{id}", parent.name(), K::COLLECTION)
}

/// A thing and the commit that changed it last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry<F> {
    /// What was stored.
    pub facts: F,
    /// Where.
    pub at: CommitPosition,
}

/// Every thing of one kind in a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored<F>")]
#[serde(bound(serialize = "F: Serialize", deserialize = "F: Deserialize<'de>"))]
pub struct Table<F: Facts> {
    entries: PackedMap<Id<F::Kind>, Arc<Entry<F>>>,
    #[serde(skip)]
    by_parent: Grouped<F::Parent, Id<F::Kind>>,
    #[serde(skip)]
    by_name: Grouped<F::Parent, (Label, Id<F::Kind>)>,
}

/// What a snapshot has of a table: the rest is made from it, and shares its names.
#[derive(Deserialize)]
#[serde(bound(deserialize = "F: Deserialize<'de>"))]
struct Stored<F: Facts> {
    entries: PackedMap<Id<F::Kind>, Arc<Entry<F>>>,
}

impl<F: Facts> From<Stored<F>> for Table<F> {
    fn from(stored: Stored<F>) -> Self {
        let (mut by_parent, mut by_name) = (Grouped::default(), Grouped::default());
        for (id, entry) in stored.entries.iter() {
            let parent = entry.facts.parent();
            by_name.insert(&parent, (entry.facts.label().clone(), *id));
            by_parent.insert(&parent, *id);
        }
        Self { entries: stored.entries, by_parent, by_name }
    }
}

impl<F: Facts> Default for Table<F> {
    fn default() -> Self {
        Self { entries: PackedMap::new(), by_parent: Grouped::default(), by_name: Grouped::default() }
    }
}

impl<F: Facts> Table<F> {
    /// The thing with this id, whoever owns it.
    pub fn get(&self, id: Id<F::Kind>) -> Option<&Entry<F>> {
        self.entries.get(&id).map(|entry| &**entry)
    }

    /// The thing with this id, if that is its parent.
    pub fn get_in(&self, parent: &F::Parent, id: Id<F::Kind>) -> Option<&Entry<F>> {
        self.get(id).filter(|entry| entry.facts.parent() == *parent)
    }

    /// The things with this display name, in id order. Only vNICs can have more than one: an instance has one per subnet.
    pub fn named(&self, parent: &F::Parent, name: &Label) -> impl Iterator<Item = &Entry<F>> + use<'_, F> {
        let range = (name.clone(), Id::new(Uuid::nil()))..=(name.clone(), Id::new(Uuid::max()));
        self.by_name.range(parent, range).filter_map(|(_, id)| self.get(*id))
    }

    /// A parent's things in id order, after `after` if given.
    pub fn list(
        &self,
        parent: &F::Parent,
        after: Option<Id<F::Kind>>,
    ) -> impl Iterator<Item = &Entry<F>> + use<'_, F> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_parent.range(parent, (from, Bound::Unbounded)).filter_map(|id| self.get(*id))
    }

    /// Everything, in id order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<F>> + use<'_, F> {
        self.entries.values().map(|entry| &**entry)
    }

    /// The thing with this id and parent, or NOT_FOUND for `field`: other parents' things do not exist for a caller.
    pub fn require(
        &self,
        parent: &F::Parent,
        id: Id<F::Kind>,
        field: &'static str,
    ) -> Result<&Entry<F>, Rejection> {
        self.get_in(parent, id).ok_or_else(|| Rejection::not_found(field, name(parent, id)))
    }

    /// The same, if it is what the caller has seen.
    pub(super) fn require_at(
        &self,
        parent: &F::Parent,
        id: Id<F::Kind>,
        field: &'static str,
        expected: Expected,
    ) -> Result<&Entry<F>, Rejection> {
        let entry = self.require(parent, id, field)?;
        expected.check(entry.at, entry.facts.name())?;
        Ok(entry)
    }

    /// Refuses an id that something has.
    pub(super) fn check_id(&self, id: Id<F::Kind>) -> Result<(), Rejection> {
        if self.entries.contains_key(&id) {
            let word = F::Kind::WORD;
            return Err(Rejection::exists("ID_TAKEN", "id", format!("another {word} has the id {id}")));
        }
        Ok(())
    }

    /// Refuses a display name that is another kind of name, or that something of the same parent has.
    pub(super) fn check_name(
        &self,
        parent: &F::Parent,
        label: &Label,
        field: &'static str,
    ) -> Result<(), Rejection> {
        if let Some(what) = label.reads_as() {
            return Err(Rejection::invalid(field, format!("{label} is {what}; choose another name")));
        }
        self.check_name_free(parent, label, field)
    }

    /// Refuses a display name that something of the same parent has.
    pub(super) fn check_name_free(
        &self,
        parent: &F::Parent,
        label: &Label,
        field: &'static str,
    ) -> Result<(), Rejection> {
        let Some(other) = self.named(parent, label).next() else { return Ok(()) };
        let message = format!("another {} is called {label}; choose another name", F::Kind::WORD);
        Err(Rejection::exists("NAME_TAKEN", field, message).because_of(other.facts.name()))
    }

    pub(super) fn insert(&mut self, facts: F, at: CommitPosition) {
        let (id, parent) = (facts.id(), facts.parent());
        self.by_name.insert(&parent, (facts.label().clone(), id));
        self.by_parent.insert(&parent, id);
        self.entries.insert(id, Arc::new(Entry { facts, at }));
    }

    /// The same thing with other content, maybe under another name.
    pub(super) fn replace(&mut self, facts: F, at: CommitPosition) {
        self.remove(facts.id());
        self.insert(facts, at);
    }

    pub(super) fn remove(&mut self, id: Id<F::Kind>) -> Option<F> {
        let entry = self.entries.remove(&id)?;
        let facts = Arc::try_unwrap(entry).map_or_else(|shared| shared.facts.clone(), |entry| entry.facts);
        let parent = facts.parent();
        self.by_parent.remove(&parent, &id);
        self.by_name.remove(&parent, &(facts.label().clone(), id));
        Some(facts)
    }
}

macro_rules! facts {
    ($($facts:ident $kind:ident $parent:ident |$it:ident| $id:expr, $of:expr, $label:expr;)*) => {$(
        impl Facts for $facts {
            type Kind = $kind;
            type Parent = $parent;
            fn id(&self) -> Id<$kind> {
                let $it = self;
                $id
            }
            fn parent(&self) -> $parent {
                let $it = self;
                $of
            }
            fn label(&self) -> &Label {
                let $it = self;
                $label
            }
        }
    )*};
}

macro_rules! scope {
    ($of:expr) => {
        Scope { project: $of.project.clone(), region: $of.region.clone() }
    };
}

facts! {
    PoolCreated Pool RegionId |it| it.id, it.region.clone(), &it.display_name;
    VpcCreated Vpc Scope |it| it.id, scope!(it), &it.display_name;
    SubnetCreated Subnet Scope |it| it.id, scope!(it), &it.display_name;
    VnicCreated Vnic Scope |it| it.vnic.id, scope!(it), &it.vnic.instance;
    HavipCreated Havip Scope |it| it.havip.id, scope!(it.havip), &it.havip.display_name;
    CoolingEip Eip Scope |it| it.described.eip.id, scope!(it.described.eip), &it.described.eip.display_name;
    EipDescribed Eip Scope |it| it.eip.id, scope!(it.eip), &it.eip.display_name;
}
