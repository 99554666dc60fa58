//! The fields of a request are read one beside the other, and all that are wrong are told at once (AIP-193): nobody has to ask
//! again only to hear of the next.

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::status::wrong_fields;

/// So many are named at most: what is wrong a hundred times is wrong in one way.
const MOST: usize = 20;

/// What was read of several fields.
pub trait Fields {
    /// The values, if all are right.
    type Values;
    /// The values, or what was refused of them.
    fn read(self) -> Result<Self::Values, Vec<Status>>;
}

/// The values of all of these, or every field of them that is wrong. Where none is, but a name means nothing, that is said.
///
/// # Errors
/// INVALID_ARGUMENT with each wrong field, or else the first refusal.
pub fn together<F: Fields>(fields: F) -> Result<F::Values, Status> {
    fields.read().map_err(joined)
}

/// The same of a list whose items are read one beside the other.
///
/// # Errors
/// As of [`together`].
pub fn each<T>(items: impl IntoIterator<Item = Result<T, Status>>) -> Result<Vec<T>, Status> {
    let (mut values, mut refused) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Ok(value) => values.push(value),
            Err(status) if refused.len() < MOST => refused.push(status),
            Err(_) => {}
        }
    }
    if refused.is_empty() { Ok(values) } else { Err(joined(refused)) }
}

/// A refusal, and what else was refused.
pub fn also<T>(refused: Status, other: &Result<T, Status>) -> Status {
    joined([Some(&refused), other.as_ref().err()].into_iter().flatten().cloned().collect())
}

/// One refusal for several, of which there is one at least.
fn joined(refused: Vec<Status>) -> Status {
    let invalid = refused.iter().filter(|status| status.code() == Code::InvalidArgument);
    let mut wrong = Vec::new();
    for field in invalid.filter_map(StatusExt::get_details_bad_request).flat_map(|bad| bad.field_violations) {
        let field = (field.field, field.description);
        if wrong.len() < MOST && !wrong.contains(&field) {
            wrong.push(field);
        }
    }
    match refused.into_iter().next() {
        Some(first) if wrong.is_empty() => first,
        _ => wrong_fields(&wrong),
    }
}

macro_rules! fields {
    ($($($field:ident $value:ident),*;)*) => {$(
        impl<$($value),*> Fields for ($(Result<$value, Status>,)*) {
            type Values = ($($value,)*);
            fn read(self) -> Result<Self::Values, Vec<Status>> {
                let ($($field,)*) = self;
                match ($($field,)*) {
                    ($(Ok($field),)*) => Ok(($($field,)*)),
                    ($($field,)*) => Err([$($field.err(),)*].into_iter().flatten().collect()),
                }
            }
        }
    )*};
}

fields! {
    a A, b B;
    a A, b B, c C;
    a A, b B, c C, d D;
    a A, b B, c C, d D, e E;
    a A, b B, c C, d D, e E, f F;
    a A, b B, c C, d D, e E, f F, g G;
    a A, b B, c C, d D, e E, f F, g G, h H;
}

#[cfg(test)]
mod tests {
    use mooring_domain::Rejection;

    use super::*;
    use crate::status::{bad_field, from_rejection};

    fn wrong(field: &'static str) -> Result<u8, Status> {
        Err(bad_field(field, "is wrong"))
    }

    fn told(status: &Status) -> Vec<String> {
        let violations = status.get_details_bad_request().map(|bad| bad.field_violations);
        violations.into_iter().flatten().map(|violation| violation.field).collect()
    }

    #[test]
    fn all_that_is_right_is_read_and_all_that_is_wrong_is_told() {
        assert_eq!(together((Ok(1), Ok("two"))).unwrap(), (1, "two"));
        let refused = together((wrong("a"), Ok(2), wrong("c"))).unwrap_err();
        assert_eq!(told(&refused), ["a", "c"]);
        assert_eq!(refused.message(), "a: is wrong; c: is wrong");
        let info = refused.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.metadata["field"].as_str()), ("INVALID_FIELD", "a"));
        let within = together((Err::<u8, _>(refused), wrong("b"), wrong("a"))).unwrap_err();
        assert_eq!(told(&within), ["a", "c", "b"], "each once");
    }

    #[test]
    fn what_means_nothing_is_told_where_nothing_is_wrong() {
        let missing = || Err::<u8, _>(from_rejection(&Rejection::not_found("vpc", "blue")));
        assert_eq!(together((missing(), Ok(1))).unwrap_err().code(), Code::NotFound);
        assert_eq!(told(&together((missing(), wrong("b"))).unwrap_err()), ["b"]);
    }

    #[test]
    fn of_a_list_so_many_are_told_that_an_answer_has_room() {
        assert_eq!(each([Ok(1), Ok(2)]).unwrap(), [1, 2]);
        let refused = each((0..1000).map(|n| Err::<u8, _>(bad_field("cidrs", n)))).unwrap_err();
        assert_eq!(told(&refused).len(), MOST);
    }
}
