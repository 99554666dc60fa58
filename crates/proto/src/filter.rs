//! Filters of lists: a part of AIP-160, of bounded length and depth. `FIELD = "value"`, `!=`, `AND`, `OR` (which binds tighter,
//! as the AIP has it), `NOT`, and parentheses.

mod fields;
mod parse;
mod value;

use tonic::Status;

pub use self::fields::Fields;
use crate::status::bad_field;

/// The longest filter, in bytes.
const LONGEST: usize = 1000;
/// How deep parentheses and NOTs may go.
const DEEPEST: usize = 16;

/// What must be true of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Option<Expression>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    /// The field has the value.
    Is(String, String),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Filter {
    /// Reads a request's filter, for things of this kind.
    pub fn parse<T: Fields>(text: &str) -> Result<Self, Status> {
        if text.len() > LONGEST {
            return Err(bad_field("filter", format!("must be at most {LONGEST} bytes, is {}", text.len())));
        }
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        let expression = parse::expression(text).and_then(Expression::spelled::<T>);
        Ok(Self(Some(expression.map_err(|why| bad_field("filter", why))?)))
    }

    /// Whether it is true of this.
    pub fn accepts<T: Fields>(&self, thing: &T) -> bool {
        self.0.as_ref().is_none_or(|expression| expression.accepts(thing))
    }
}

impl Expression {
    fn accepts<T: Fields>(&self, thing: &T) -> bool {
        match self {
            Self::Is(field, value) => thing.values(field).iter().any(|found| is(found, value)),
            Self::Not(inner) => !inner.accepts(thing),
            Self::All(parts) => parts.iter().all(|part| part.accepts(thing)),
            Self::Any(parts) => parts.iter().any(|part| part.accepts(thing)),
        }
    }

    /// The same with every value as answers spell it, where the fields are there and can have it.
    fn spelled<T: Fields>(self) -> Result<Self, String> {
        let all = |parts: Vec<Self>| parts.into_iter().map(Self::spelled::<T>).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Self::Is(field, value) => {
                let known = T::field(&field)
                    .ok_or_else(|| format!("there is no field {field:?}; there are {}", T::names()))?;
                let value = known.kind.spelled(&value).map_err(|why| format!("{field}: {why}"))?;
                Self::Is(field, value)
            }
            Self::Not(inner) => Self::Not(Box::new(inner.spelled::<T>()?)),
            Self::All(parts) => Self::All(all(parts)?),
            Self::Any(parts) => Self::Any(all(parts)?),
        })
    }
}

/// A name is itself, or its last part alone.
fn is(found: &str, value: &str) -> bool {
    found == value
        || !value.is_empty()
            && !value.contains('/')
            && found.rsplit_once('/').is_some_and(|(_, last)| last == value)
}
