//! Keys in groups, such as ids by project: what a group is called is there once, and not with each of its keys.

use std::ops::RangeBounds;

use serde::{Deserialize, Serialize};

use super::{PackedMap, PackedSet};

/// See the module. No group is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "G: Serialize, K: Serialize",
    deserialize = "G: Deserialize<'de>, K: Deserialize<'de>"
))]
pub struct Grouped<G: Ord + Clone, K: Ord + Clone>(PackedMap<G, PackedSet<K>>);

impl<G: Ord + Clone, K: Ord + Clone> Default for Grouped<G, K> {
    fn default() -> Self {
        Self(PackedMap::new())
    }
}

impl<G: Ord + Clone, K: Ord + Clone> Grouped<G, K> {
    /// Puts a key into a group.
    pub fn insert(&mut self, group: &G, key: K) {
        if let Some(keys) = self.0.get_mut(group) {
            return keys.insert(key);
        }
        let mut keys = PackedSet::new();
        keys.insert(key);
        self.0.insert(group.clone(), keys);
    }

    /// Takes a key out of a group.
    pub fn remove(&mut self, group: &G, key: &K) {
        let Some(keys) = self.0.get_mut(group) else { return };
        keys.remove(key);
        if keys.is_empty() {
            self.0.remove(group);
        }
    }

    /// The keys of a group that are in the range, in order.
    pub fn range<R: RangeBounds<K>>(
        &self,
        group: &G,
        range: R,
    ) -> impl DoubleEndedIterator<Item = &K> + use<'_, G, K, R> {
        self.0.get(group).map(|keys| keys.range(range)).into_iter().flatten()
    }
}
