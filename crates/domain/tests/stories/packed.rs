//! What is packed is what an ordinary map has: after every step, in every range, from a snapshot; and a clone stays as it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, RangeInclusive},
};

use mooring_domain::packed::{Grouped, PackedMap, PackedSet};
use proptest::{collection::vec, prelude::*};

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u8),
    /// Behind everything that is there, as new ids are.
    Append(u8),
    /// In front of everything that is there.
    Prepend(u8),
    Change(u16, u8),
    Remove(u16),
    /// Every third of a run of keys, from above: leaves that are not full are split, and begin with other keys.
    InsertAll(u16, u16),
    /// A run of keys: leaves become small, and empty.
    RemoveAll(u16, u16),
}

/// So many keys that the leaves have several nodes above them.
const KEYS: u16 = 3000;

fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    prop_oneof![
        6 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
        6 => any::<u8>().prop_map(Step::Append),
        2 => any::<u8>().prop_map(Step::Prepend),
        2 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Step::Change(key, value)),
        4 => key.clone().prop_map(Step::Remove),
        1 => (key.clone(), 0..900_u16).prop_map(|(from, many)| Step::InsertAll(from, many)),
        1 => (key.clone(), 0..200_u16).prop_map(|(from, many)| Step::RemoveAll(from, many)),
    ]
}

fn take(step: Step, packed: &mut PackedMap<u16, u8>, plain: &mut BTreeMap<u16, u8>) {
    match step {
        Step::Insert(key, value) => assert_eq!(packed.insert(key, value), plain.insert(key, value)),
        Step::Append(value) => {
            let key = plain.last_key_value().map_or(0, |(last, _)| last + 1);
            assert_eq!(packed.insert(key, value), plain.insert(key, value));
        }
        Step::Prepend(value) => {
            let key = plain.first_key_value().map_or(0, |(first, _)| first.saturating_sub(1));
            assert_eq!(packed.insert(key, value), plain.insert(key, value));
        }
        Step::Change(key, value) => {
            let (in_packed, in_plain) = (packed.get_mut(&key), plain.get_mut(&key));
            assert_eq!(in_packed, in_plain);
            if let (Some(in_packed), Some(in_plain)) = (in_packed, in_plain) {
                (*in_packed, *in_plain) = (value, value);
            }
        }
        Step::Remove(key) => assert_eq!(packed.remove(&key), plain.remove(&key)),
        Step::InsertAll(from, many) => {
            for key in (from..from + many).rev().step_by(3) {
                assert_eq!(packed.insert(key, 0), plain.insert(key, 0));
            }
        }
        Step::RemoveAll(from, many) => {
            for key in from..from + many {
                assert_eq!(packed.remove(&key), plain.remove(&key));
            }
        }
    }
}

/// Where a step has changed something, or where it began to.
fn near(step: &Step, plain: &BTreeMap<u16, u8>) -> RangeInclusive<u16> {
    let key = match step {
        Step::Insert(key, _) | Step::Change(key, _) | Step::Remove(key) => *key,
        Step::InsertAll(key, _) | Step::RemoveAll(key, _) => *key,
        Step::Append(_) => plain.last_key_value().map_or(0, |(last, _)| *last),
        Step::Prepend(_) => plain.first_key_value().map_or(0, |(first, _)| *first),
    };
    key.saturating_sub(40)..=key + 40
}

fn same(packed: &PackedMap<u16, u8>, plain: &BTreeMap<u16, u8>) {
    assert!(packed.iter().eq(plain.iter()));
    assert!(packed.iter().rev().eq(plain.iter().rev()));
    assert_eq!((packed.len(), packed.is_empty()), (plain.len(), plain.is_empty()));
    assert_eq!(packed.get_min().map(|(key, value)| (key, value)), plain.first_key_value());
    for key in 0..KEYS {
        assert_eq!(packed.get(&key), plain.get(&key), "{key}");
    }
}

proptest! {
    #[test]
    fn it_has_what_an_ordinary_map_has(
        steps in vec(step(), 0..600),
        (from, to) in (0..KEYS, 0..KEYS),
    ) {
        let (mut packed, mut plain) = (PackedMap::new(), BTreeMap::new());
        let half = steps.len() / 2;
        let (mut clone, mut then) = (packed.clone(), plain.clone());
        for (number, step) in steps.into_iter().enumerate() {
            if number == half {
                (clone, then) = (packed.clone(), plain.clone());
            }
            let near = near(&step, &plain);
            take(step, &mut packed, &mut plain);
            prop_assert_eq!(packed.len(), plain.len());
            prop_assert!(packed.range(near.clone()).eq(plain.range(near)));
        }
        same(&packed, &plain);
        same(&clone, &then);
        let (from, to) = (from.min(to), from.max(to) + 1);
        for range in [
            (Bound::Included(from), Bound::Excluded(to)),
            (Bound::Excluded(from), Bound::Included(to)),
            (Bound::Unbounded, Bound::Included(to)),
            (Bound::Excluded(from), Bound::Unbounded),
        ] {
            prop_assert!(packed.range(range).eq(plain.range(range)));
            prop_assert!(packed.range(range).rev().eq(plain.range(range).rev()));
        }
        let bytes = postcard::to_stdvec(&packed).unwrap();
        prop_assert_eq!(&bytes, &postcard::to_stdvec(&plain).unwrap());
        prop_assert_eq!(postcard::from_bytes::<PackedMap<u16, u8>>(&bytes).unwrap(), packed);
    }

    #[test]
    fn groups_have_what_a_set_of_pairs_has(
        steps in vec((any::<bool>(), 0..40_u8, 0..100_u8), 0..1500),
        (group, from) in (0..40_u8, 0..100_u8),
    ) {
        let (mut groups, mut pairs) = (Grouped::default(), BTreeSet::new());
        for (comes, group, key) in steps {
            if comes {
                groups.insert(&group, key);
                pairs.insert((group, key));
            } else {
                groups.remove(&group, &key);
                pairs.remove(&(group, key));
            }
        }
        for group in 0..40 {
            let expected = pairs.range((group, 0)..=(group, u8::MAX)).map(|(_, key)| key);
            prop_assert!(groups.range(&group, ..).eq(expected));
        }
        let behind = (Bound::Excluded(from), Bound::Unbounded);
        let expected = pairs.range((group, from + 1)..=(group, u8::MAX)).map(|(_, key)| key);
        prop_assert!(groups.range(&group, behind).eq(expected));
        let mut again = Grouped::default();
        pairs.iter().for_each(|(group, key)| again.insert(group, *key));
        prop_assert_eq!(groups, again, "whatever it has been through");
    }
}

#[test]
fn a_set_is_a_sequence_in_a_snapshot() {
    let mut set = PackedSet::new();
    set.extend((0..100_u16).rev());
    let bytes = postcard::to_stdvec(&set).unwrap();
    assert_eq!(bytes, postcard::to_stdvec(&(0..100_u16).collect::<Vec<_>>()).unwrap());
    assert_eq!(postcard::from_bytes::<PackedSet<u16>>(&bytes).unwrap(), set);
}

#[test]
fn a_group_goes_with_its_last_key() {
    let mut groups = Grouped::default();
    groups.insert(&"a", 1);
    groups.insert(&"a", 2);
    groups.insert(&"b", 1);
    assert!(groups.range(&"a", ..).eq(&[1, 2]));
    groups.remove(&"a", &1);
    groups.remove(&"a", &2);
    assert_eq!(groups.range(&"a", ..).next(), None);
    let mut only = Grouped::default();
    only.insert(&"b", 1);
    assert_eq!(groups, only);
}
