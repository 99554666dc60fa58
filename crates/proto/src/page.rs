//! Pages of a list: sizes, tokens (AIP-158) and filters. A token says which item came last, so a page stays right while the
//! list changes; and of which list it is, so that it is taken for no other.

use mooring_domain::id::Id;
use tonic::Status;
use uuid::Uuid;

use crate::{
    filter::{Fields, Filter},
    status::bad_field,
};

const DEFAULT: usize = 100;
const MOST: i32 = 1000;
/// So many items are looked at for one page: where a filter is true of few, pages have fewer.
const LOOKS: usize = 20_000;

/// What a request says of the page it wants.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Of whose list.
    pub parent: &'a str,
    /// How large.
    pub size: i32,
    /// Behind which.
    pub token: &'a str,
    /// Of what.
    pub filter: &'a str,
}

/// Which page is asked for.
pub struct Page<K> {
    limit: usize,
    /// Those after this one.
    pub after: Option<Id<K>>,
    filter: Filter,
    /// Stands for parent and filter.
    list: u64,
}

/// Reads a request's page of a list of these.
pub fn parse<K, T: Fields>(asked: Asked<'_>) -> Result<Page<K>, Status> {
    let limit = limit(asked.size)?;
    let filter = Filter::parse::<T>(asked.filter)?;
    let list = hash([asked.parent, "\n", asked.filter]);
    let after = match asked.token {
        "" => None,
        token => Some(read(token, list)?),
    };
    Ok(Page { limit, after, filter, list })
}

fn read<K>(token: &str, list: u64) -> Result<Id<K>, Status> {
    let bad = |what: &str| bad_field("page_token", what);
    let parts = token.get(..16).zip(token.get(16..));
    let parts = parts.and_then(|(of, last)| u64::from_str_radix(of, 16).ok().zip(Uuid::try_parse(last).ok()));
    match parts.ok_or_else(|| bad("is no token of this list"))? {
        (of, last) if of == list => Ok(Id::new(last)),
        _ => Err(bad("is of another list: parent and filter must be as they were for the page before")),
    }
}

/// FNV-1a: the same in every process, of whatever version. It keeps mistakes away, and nobody else.
fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let bytes = parts.into_iter().flat_map(str::bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// How many a page has at most.
pub fn limit(page_size: i32) -> Result<usize, Status> {
    match page_size {
        0 => Ok(DEFAULT),
        1..=MOST => Ok(usize::try_from(page_size).unwrap_or(DEFAULT)),
        _ => Err(bad_field("page_size", format!("must be 1 to {MOST}, or 0 for {DEFAULT}"))),
    }
}

impl<K> Page<K> {
    /// Takes the page out of everything after [`Page::after`], with the token of the next one, empty at the end.
    pub fn take<I, T: Fields>(
        &self,
        items: impl Iterator<Item = I>,
        id: impl Fn(&I) -> Id<K>,
        message: impl Fn(I) -> T,
    ) -> (Vec<T>, String) {
        let (mut taken, mut last) = (Vec::new(), None);
        for (looked, item) in items.enumerate() {
            if taken.len() == self.limit || looked == LOOKS {
                return (taken, last.map(|last| self.token(last)).unwrap_or_default());
            }
            last = Some(id(&item));
            let message = message(item);
            if self.filter.accepts(&message) {
                taken.push(message);
            }
        }
        (taken, String::new())
    }

    fn token(&self, last: Id<K>) -> String {
        format!("{:016x}{}", self.list, last.uuid().simple())
    }
}
