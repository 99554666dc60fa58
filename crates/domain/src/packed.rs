//! Ordered maps and sets whose clones share what did not change, as those of `imbl`, and which take hardly more memory than
//! their entries: keys that only grow, as most ids do, leave the nodes of a B-tree half empty, and here leave full ones.
//!
//! Entries lie in leaves, each under the key that it began with, in a map of `imbl`. A change copies one leaf.

mod grouped;
mod serial;
mod set;

use std::{
    fmt,
    ops::{Bound, RangeBounds},
    sync::Arc,
};

use imbl::OrdMap;

pub use grouped::Grouped;
pub use set::PackedSet;

/// As many entries as a leaf may have.
const FULL: usize = 32;
/// A leaf with fewer is joined to a neighbour, if both are then at most [`JOINED`].
const FEW: usize = FULL / 4;
const JOINED: usize = FULL * 3 / 4;
/// Room that a leaf gets at once.
const ROOM: usize = 4;

type Leaf<K, V> = Arc<Vec<(K, V)>>;

/// See the module.
#[derive(Clone)]
pub struct PackedMap<K, V> {
    /// What is in a leaf is at least its key, and less than the next leaf's.
    leaves: OrdMap<K, Leaf<K, V>>,
    len: usize,
}

impl<K: Ord + Clone, V: Clone> PackedMap<K, V> {
    /// An empty one.
    pub fn new() -> Self {
        Self { leaves: OrdMap::new(), len: 0 }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The leaf that has the key, or would.
    fn home(&self, key: &K) -> Option<(&K, &Leaf<K, V>)> {
        let last = self.leaves.get_max().filter(|(first, _)| first <= key).map(|(first, leaf)| (first, leaf));
        let first = || self.leaves.get_min().map(|(first, leaf)| (first, leaf));
        last.or_else(|| self.leaves.get_prev(key)).or_else(first)
    }

    /// The key's value.
    pub fn get(&self, key: &K) -> Option<&V> {
        let (_, leaf) = self.home(key)?;
        let at = search(leaf, key).ok()?;
        leaf.get(at).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (home, leaf) = self.home(key)?;
        let (home, at) = (home.clone(), search(leaf, key).ok()?);
        let leaf = Arc::make_mut(self.leaves.get_mut(&home)?);
        leaf.get_mut(at).map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The entry with the lowest key.
    pub fn get_min(&self) -> Option<&(K, V)> {
        self.leaves.get_min().and_then(|(_, leaf)| leaf.first())
    }

    /// Puts a value there; answers with the one that was there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let found = self.home(&key).map(|(home, leaf)| (home.clone(), search(leaf, &key)));
        let Some((mut home, place)) = found else {
            self.begin(key, value);
            return None;
        };
        // Only in front of all that is there.
        if key < home {
            self.rename(&home, &key);
            home = key.clone();
        }
        let leaf = self.leaves.get_mut(&home)?;
        match place {
            Ok(at) => {
                let (_, there) = Arc::make_mut(leaf).get_mut(at)?;
                return Some(std::mem::replace(there, value));
            }
            Err(FULL) => match self.roomy_behind(&home) {
                // In front of what is there: keys that come from above don't get a leaf each.
                Some(next) => {
                    self.rename(&next, &key);
                    return self.insert(key, value);
                }
                None => self.begin(key, value),
            },
            Err(at) if leaf.len() < FULL => {
                roomy(leaf).insert(at, (key, value));
                self.len += 1;
            }
            Err(at) => self.split(&home, at, (key, value)),
        }
        None
    }

    /// A leaf begins with another key from now on, which is less than all that is in it.
    fn rename(&mut self, leaf: &K, key: &K) {
        if let Some(leaf) = self.leaves.remove(leaf) {
            self.leaves.insert(key.clone(), leaf);
        }
    }

    /// The leaf behind this one, if it has room.
    fn roomy_behind(&self, leaf: &K) -> Option<K> {
        let behind = (Bound::Excluded(leaf), Bound::Unbounded);
        let (next, leaf) = self.leaves.range::<_, K>(behind).next()?;
        (leaf.len() < FULL).then(|| next.clone())
    }

    /// A new leaf, with this entry alone.
    fn begin(&mut self, key: K, value: V) {
        let mut leaf = Vec::with_capacity(ROOM);
        leaf.push((key.clone(), value));
        self.leaves.insert(key, Arc::new(leaf));
        self.len += 1;
    }

    /// Puts an entry into a full leaf.
    fn split(&mut self, home: &K, at: usize, entry: (K, V)) {
        let Some(leaf) = self.leaves.get_mut(home) else { return };
        let (left, right) = leaf.split_at(FULL / 2);
        let (mut left, mut right) = (copied(left), copied(right));
        match at.checked_sub(FULL / 2) {
            Some(at) => right.insert(at, entry),
            None => left.insert(at, entry),
        }
        *leaf = Arc::new(left);
        self.len += 1;
        if let Some(first) = right.first().map(|(first, _)| first.clone()) {
            self.leaves.insert(first, Arc::new(right));
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (home, leaf) = self.home(key)?;
        let (home, at) = (home.clone(), search(leaf, key).ok()?);
        let leaf = Arc::make_mut(self.leaves.get_mut(&home)?);
        let (_, value) = leaf.remove(at);
        self.len -= 1;
        match leaf.len() {
            0 => drop(self.leaves.remove(&home)),
            left if left < FEW => self.join(&home),
            _ => {}
        }
        Some(value)
    }

    /// Makes one leaf of a small one and its neighbour.
    fn join(&mut self, home: &K) {
        let after = (Bound::Excluded(home), Bound::Unbounded);
        let next = self.leaves.range::<_, K>(after).next().map(|(next, _)| (home.clone(), next.clone()));
        let before =
            || self.leaves.range::<_, K>(..home).next_back().map(|(last, _)| (last.clone(), home.clone()));
        let Some((left, right)) = next.or_else(before) else { return };
        let entries = |leaf: &K| self.leaves.get(leaf).map_or(0, |leaf| leaf.len());
        if entries(&left) + entries(&right) > JOINED {
            return;
        }
        if let Some((right, left)) = self.leaves.remove(&right).zip(self.leaves.get_mut(&left)) {
            Arc::make_mut(left).extend(right.iter().cloned());
        }
    }

    /// Every entry, in the order of keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.leaves.iter().flat_map(|(_, leaf)| leaf.iter().map(|(key, value)| (key, value)))
    }

    /// Every value, in the order of keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Every entry whose key is in the range, in the order of keys.
    pub fn range<R: RangeBounds<K>>(
        &self,
        range: R,
    ) -> impl DoubleEndedIterator<Item = (&K, &V)> + use<'_, K, V, R> {
        let (from, to) = (range.start_bound().cloned(), range.end_bound().cloned());
        let leaves = self.leaves.range::<_, K>((self.home_of(&from), self.home_of(&to)));
        leaves.flat_map(move |(_, leaf)| {
            let begin = match &from {
                Bound::Included(first) => leaf.partition_point(|(key, _)| key < first),
                Bound::Excluded(before) => leaf.partition_point(|(key, _)| key <= before),
                Bound::Unbounded => 0,
            };
            let end = match &to {
                Bound::Included(last) => leaf.partition_point(|(key, _)| key <= last),
                Bound::Excluded(after) => leaf.partition_point(|(key, _)| key < after),
                Bound::Unbounded => leaf.len(),
            };
            leaf.get(begin..end).unwrap_or_default().iter().map(|(key, value)| (key, value))
        })
    }

    /// The leaf where a range begins, or ends.
    fn home_of(&self, bound: &Bound<K>) -> Bound<K> {
        let key = match bound {
            Bound::Included(key) | Bound::Excluded(key) => self.home(key),
            Bound::Unbounded => None,
        };
        key.map_or(Bound::Unbounded, |(home, _)| Bound::Included(home.clone()))
    }
}

fn search<K: Ord, V>(leaf: &[(K, V)], key: &K) -> Result<usize, usize> {
    leaf.binary_search_by(|(there, _)| there.cmp(key))
}

/// The leaf, by itself and with room for one more.
fn roomy<K: Clone, V: Clone>(leaf: &mut Leaf<K, V>) -> &mut Vec<(K, V)> {
    if Arc::get_mut(leaf).is_none() {
        *leaf = Arc::new(copied(leaf));
    }
    let leaf = Arc::make_mut(leaf);
    if leaf.len() == leaf.capacity() {
        leaf.reserve_exact(ROOM);
    }
    leaf
}

fn copied<K: Clone, V: Clone>(entries: &[(K, V)]) -> Vec<(K, V)> {
    let mut leaf = Vec::with_capacity(FULL.min(entries.len() + ROOM));
    leaf.extend_from_slice(entries);
    leaf
}

impl<K: Ord + Clone, V: Clone> Default for PackedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord + Clone, V: Clone + PartialEq> PartialEq for PackedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for PackedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for PackedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}
