//! Pages of a list: sizes and tokens (AIP-158). A token says which item came last, so a page stays right while the
//! list changes.

use mooring_domain::id::Id;
use tonic::Status;

use crate::status::bad_field;

const DEFAULT: usize = 100;
const MOST: i32 = 1000;

/// Which page is asked for.
#[derive(Clone, Copy)]
pub struct Page<K> {
    /// At most this many.
    pub limit: usize,
    /// Those after this one.
    pub after: Option<Id<K>>,
}

/// Reads a request's page.
pub fn parse<K>(page_size: i32, page_token: &str) -> Result<Page<K>, Status> {
    let limit = limit(page_size)?;
    let after = match page_token {
        "" => None,
        token => Some(token.parse().map_err(|_| bad_field("page_token", "is no token of this list"))?),
    };
    Ok(Page { limit, after })
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
    pub fn take<T>(&self, items: impl Iterator<Item = T>, id: impl Fn(&T) -> Id<K>) -> (Vec<T>, String) {
        let mut taken: Vec<T> = items.take(self.limit + 1).collect();
        let more = taken.len() > self.limit;
        taken.truncate(self.limit);
        let token = taken.last().filter(|_| more).map(|last| id(last).to_string()).unwrap_or_default();
        (taken, token)
    }
}
