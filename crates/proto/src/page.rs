//! Pages of a list: sizes, tokens (AIP-158), filters and orders. A token says which item came last, so a page stays right
//! while the list changes; and of which list it is, so that it is taken for no other.

mod order;
mod token;

use std::{collections::BTreeMap, fmt::Display};

use mooring_domain::{Rejection, id::Id, name::Scope};
use tonic::Status;

use self::{
    order::{Order, Rank},
    token::Token,
};
use crate::{
    filter::{Fields, Filter},
    status::{bad_field, from_rejection},
    together::together,
};

const DEFAULT: usize = 100;
const MOST: i32 = 1000;
/// So many items are looked at for one page: where a filter is true of few, pages have fewer, and a longer list comes in no
/// other order than its own.
const LOOKS: usize = 20_000;

/// What a request says of the page it wants.
#[derive(Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Of whose list.
    pub parent: &'a str,
    /// How large.
    pub size: i32,
    /// Behind which.
    pub token: &'a str,
    /// Of what.
    pub filter: &'a str,
    /// In which order.
    pub order: &'a str,
    /// What else is listed: a word for it.
    pub shows: &'a str,
}

/// Which page is asked for.
pub struct Page<K> {
    limit: usize,
    /// Those after this one; `None` of a list in another order than that of ids: all are looked at.
    pub after: Option<Id<K>>,
    behind: Option<Rank>,
    filter: Filter,
    order: Order,
    /// Stands for what is listed.
    list: u64,
}

/// Reads a request's page of a list of these.
pub fn parse<K, T: Fields>(asked: Asked<'_>) -> Result<Page<K>, Status> {
    let list = token::list([asked.parent, asked.filter, asked.order, asked.shows]);
    let token = match asked.token {
        "" => Ok(None),
        text => Token::read(text, list).map(Some),
    };
    let (limit, filter, order, token) = together((
        limit(asked.size),
        Filter::parse::<T>(asked.filter),
        Order::parse::<T>(asked.order),
        token,
    ))?;
    let (mut after, mut behind) = (None, None);
    match token {
        Some(token) if order.is_by_id() => after = Some(Id::new(token.last)),
        Some(token) => behind = Some(order.rank(token.values, token.last)),
        None => {}
    }
    Ok(Page { limit, after, behind, filter, order, list })
}

/// How many a page has at most.
pub fn limit(page_size: i32) -> Result<usize, Status> {
    match page_size {
        0 => Ok(DEFAULT),
        1..=MOST => Ok(usize::try_from(page_size).unwrap_or(DEFAULT)),
        _ => Err(bad_field("page_size", format!("must be 1 to {MOST}, or 0 for {DEFAULT}"))),
    }
}

/// The names of a batch (AIP-231): as many as a page may have.
pub fn batch(names: &[String]) -> Result<&[String], Status> {
    let most = usize::try_from(MOST).unwrap_or_default();
    match names.len() {
        0 => Err(bad_field("names", "must have at least one")),
        count if count > most => Err(bad_field("names", format!("must be at most {most}, are {count}"))),
        _ => Ok(names),
    }
}

/// A name of a batch is of the batch's parent.
pub fn in_parent(parent: &Scope, scope: &Scope, name: impl Display) -> Result<(), Status> {
    match scope == parent {
        true => Ok(()),
        false => Err(bad_field("names", format!("must all be in {parent}: {name} is not"))),
    }
}

impl<K> Page<K> {
    /// Takes the page out of everything after [`Page::after`], with the token of the next one, empty at the end.
    pub fn take<I, T: Fields>(
        &self,
        items: impl Iterator<Item = I>,
        id: impl Fn(&I) -> Id<K>,
        message: impl Fn(I) -> T,
    ) -> Result<(Vec<T>, String), Status> {
        if !self.order.is_by_id() {
            return self.sorted(items, id, message);
        }
        let (mut taken, mut last) = (Vec::new(), None);
        for (looked, item) in items.enumerate() {
            if taken.len() == self.limit || looked == LOOKS {
                let token = last.map(|last: Id<K>| Token { last: last.uuid(), values: Vec::new() });
                return Ok((taken, token.map(|token| token.write(self.list)).unwrap_or_default()));
            }
            last = Some(id(&item));
            let message = message(item);
            if self.filter.accepts(&message) {
                taken.push(message);
            }
        }
        Ok((taken, String::new()))
    }

    /// The first ones behind the last page's end, out of all there are.
    fn sorted<I, T: Fields>(
        &self,
        items: impl Iterator<Item = I>,
        id: impl Fn(&I) -> Id<K>,
        message: impl Fn(I) -> T,
    ) -> Result<(Vec<T>, String), Status> {
        let mut first: BTreeMap<Rank, (T, Token)> = BTreeMap::new();
        for (looked, item) in items.enumerate() {
            if looked == LOOKS {
                return Err(too_many());
            }
            let last = id(&item).uuid();
            let message = message(item);
            let values = self.order.values(&message);
            let rank = self.order.rank(values.clone(), last);
            if self.behind.as_ref().is_some_and(|behind| rank <= *behind) || !self.filter.accepts(&message) {
                continue;
            }
            first.insert(rank, (message, Token { last, values }));
            if first.len() > self.limit + 1 {
                first.pop_last();
            }
        }
        let more = first.len() > self.limit;
        if more {
            first.pop_last();
        }
        let last = first.last_key_value().filter(|_| more);
        let next = last.map(|(_, (_, token))| token.write(self.list)).unwrap_or_default();
        Ok((first.into_values().map(|(message, _)| message).collect(), next))
    }
}

fn too_many() -> Status {
    let message = format!("the list has more than {LOOKS} things: they come in the order of creation only");
    from_rejection(&Rejection::precondition("TOO_MANY_TO_ORDER", "order_by", message))
}

#[cfg(test)]
mod tests;
