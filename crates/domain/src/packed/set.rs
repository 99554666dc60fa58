//! A set, packed as a map is.

use std::{fmt, ops::RangeBounds};

use super::PackedMap;

/// See the module above.
#[derive(Clone)]
pub struct PackedSet<K>(PackedMap<K, ()>);

impl<K: Ord + Clone> PackedSet<K> {
    /// An empty one.
    pub fn new() -> Self {
        Self(PackedMap::new())
    }

    /// How many keys it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// The lowest key.
    pub fn get_min(&self) -> Option<&K> {
        self.0.get_min().map(|(key, ())| key)
    }

    /// Puts a key there.
    pub fn insert(&mut self, key: K) {
        self.0.insert(key, ());
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// Every key, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, ())| key)
    }

    /// Every key in the range, in order.
    pub fn range<R: RangeBounds<K>>(&self, range: R) -> impl DoubleEndedIterator<Item = &K> + use<'_, K, R> {
        self.0.range(range).map(|(key, ())| key)
    }
}

impl<K: Ord + Clone> Default for PackedSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord + Clone> PartialEq for PackedSet<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Ord + Clone + fmt::Debug> fmt::Debug for PackedSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone> Extend<K> for PackedSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        keys.into_iter().for_each(|key| self.insert(key));
    }
}
