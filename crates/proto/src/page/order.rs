//! The order of a list (AIP-132): fields of the things in it, each upwards or, with `desc`, downwards.

use std::{cmp::Reverse, net::IpAddr};

use ipnet::IpNet;
use tonic::Status;
use uuid::Uuid;

use crate::{filter::Fields, status::bad_field};

/// The longest order, in bytes.
const LONGEST: usize = 1000;

/// What things are compared by. None: by their ids, which are in the order of creation.
#[derive(Debug)]
pub(super) struct Order(Vec<By>);

#[derive(Debug)]
struct By {
    field: String,
    down: bool,
}

/// Where a thing stands. What is equal in every field is in the order of creation.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(Vec<Place>, Uuid);

/// By one field. In two ranks of one order the same variants stand at the same places.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Up(Value),
    Down(Reverse<Value>),
}

/// Addresses and blocks are compared as such.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Address(IpAddr),
    Block(IpNet),
    Text(String),
}

impl Value {
    fn of(text: String) -> Self {
        match (text.parse(), text.parse()) {
            (Ok(address), _) => Self::Address(address),
            (_, Ok(block)) => Self::Block(block),
            _ => Self::Text(text),
        }
    }
}

impl Order {
    /// Reads a request's `order_by`, for things of this kind.
    pub(super) fn parse<T: Fields>(text: &str) -> Result<Self, Status> {
        if text.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        if text.len() > LONGEST {
            return Err(bad_field("order_by", format!("must be at most {LONGEST} bytes, is {}", text.len())));
        }
        let parts: Vec<By> = text
            .split(',')
            .map(by::<T>)
            .collect::<Result<_, _>>()
            .map_err(|why| bad_field("order_by", why))?;
        let twice = parts
            .iter()
            .enumerate()
            .find(|(number, part)| parts.iter().take(*number).any(|before| before.field == part.field));
        match twice {
            Some((_, part)) => Err(bad_field("order_by", format!("{:?} is there twice", part.field))),
            None => Ok(Self(parts)),
        }
    }

    pub(super) fn is_by_id(&self) -> bool {
        self.0.is_empty()
    }

    /// What it looks at.
    pub(super) fn values<T: Fields>(&self, thing: &T) -> Vec<String> {
        let value = |by: &By| thing.values(&by.field).into_iter().next().unwrap_or_default().into_owned();
        self.0.iter().map(value).collect()
    }

    pub(super) fn rank(&self, values: Vec<String>, id: Uuid) -> Rank {
        let place = |(by, value): (&By, String)| match by.down {
            false => Place::Up(Value::of(value)),
            true => Place::Down(Reverse(Value::of(value))),
        };
        Rank(self.0.iter().zip(values).map(place).collect(), id)
    }
}

fn by<T: Fields>(part: &str) -> Result<By, String> {
    let mut words = part.split_ascii_whitespace();
    let (field, down) = match (words.next(), words.next(), words.next()) {
        (Some(field), None, _) => (field, false),
        (Some(field), Some("desc"), None) => (field, true),
        _ => return Err(format!("{part:?} is not FIELD or FIELD desc, with commas between them")),
    };
    if !T::ordered().any(|known| known == field) {
        let known = T::ordered().collect::<Vec<_>>().join(", ");
        return Err(format!("there is no order by {field:?}; there are {known}"));
    }
    Ok(By { field: field.to_owned(), down })
}
