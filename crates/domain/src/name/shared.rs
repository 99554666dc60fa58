//! Texts that thousands of things repeat, such as their project's: whoever reads one after another on a thread has each in
//! memory once. Only so many are remembered, whatever callers send.

use std::{cell::RefCell, fmt, hash::BuildHasher, hash::BuildHasherDefault, hash::DefaultHasher, sync::Arc};

use serde::{
    Deserializer,
    de::{Error, Visitor},
};

/// Each text has one place of these; whichever came last has it.
const PLACES: usize = 1024;

thread_local! {
    static LATEST: RefCell<Vec<Option<Arc<str>>>> = const { RefCell::new(Vec::new()) };
}

/// The text, shared with whoever got the same from here before.
pub(super) fn text(text: &str) -> Arc<str> {
    LATEST.with_borrow_mut(|latest| {
        latest.resize(PLACES, None);
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
        let place = latest.get_mut(usize::try_from(hash % PLACES as u64).unwrap_or_default());
        match place {
            Some(Some(known)) if **known == *text => known.clone(),
            Some(place) => place.insert(text.into()).clone(),
            None => text.into(),
        }
    })
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    deserializer.deserialize_str(Text)
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, found: &str) -> Result<Arc<str>, E> {
        Ok(text(found))
    }
}
