//! Field masks of Update methods (AIP-134, AIP-161): which fields of a thing a request changes.

pub use prost_types::FieldMask;
use tonic::Status;

use crate::status::bad_field;

const FIELD: &str = "update_mask";

/// The fields that a request changes.
#[derive(Clone, Debug)]
pub enum Mask {
    /// Those that are set.
    Set,
    /// All that may change: whoever sends it replaces the thing.
    All,
    /// Those that it names.
    Named(Vec<String>),
}

impl Mask {
    /// Reads the mask of a request for a thing of which these fields may change.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with the path that can't be changed, and those that can.
    pub fn parse(mask: Option<&FieldMask>, mutable: &[&str]) -> Result<Self, Status> {
        let paths = mask.map(|mask| &mask.paths[..]).unwrap_or_default();
        match paths {
            [] => Ok(Self::Set),
            [all] if all == "*" => Ok(Self::All),
            several if several.iter().any(|path| path == "*") => {
                Err(bad_field(FIELD, "* is for all that may change, and stands alone"))
            }
            _ => match paths.iter().find(|path| !mutable.contains(&path.as_str())) {
                Some(other) => {
                    let may = mutable.join(", ");
                    Err(bad_field(
                        FIELD,
                        format!("{other:?} can't be changed; what can: {may}, or * for all"),
                    ))
                }
                None => Ok(Self::Named(paths.to_vec())),
            },
        }
    }

    /// What the request says of a field, if it changes it. `set`: whether the field is set, where that can be told.
    pub fn value<T>(
        &self,
        field: &str,
        set: bool,
        value: impl FnOnce() -> Result<T, Status>,
    ) -> Result<Option<T>, Status> {
        let changed = match self {
            Self::Set => set,
            Self::All => true,
            Self::Named(paths) => paths.iter().any(|path| path == field),
        };
        if changed { value().map(Some) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(paths: &[&str]) -> Result<Mask, Status> {
        let mask = FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
        Mask::parse(Some(&mask), &["labels", "description"])
    }

    /// Which of two fields, one of which is set, a mask changes.
    fn changed(mask: &Mask) -> [bool; 2] {
        let value = |field, set| mask.value(field, set, || Ok(())).unwrap().is_some();
        [value("labels", true), value("description", false)]
    }

    #[test]
    fn no_mask_is_what_is_set_a_star_is_all_and_else_what_is_named() {
        for (mask, expected) in [
            (Mask::parse(None, &[]).unwrap(), [true, false]),
            (parse(&[]).unwrap(), [true, false]),
            (parse(&["*"]).unwrap(), [true, true]),
            (parse(&["description"]).unwrap(), [false, true]),
            (parse(&["description", "labels", "labels"]).unwrap(), [true, true]),
        ] {
            assert_eq!(changed(&mask), expected, "{mask:?}");
        }
    }

    #[test]
    fn a_path_that_is_none_is_named_with_those_that_are() {
        for paths in [&["name"][..], &["labels", "address"], &["labels.env"], &[""], &["Labels"]] {
            let status = parse(paths).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument);
            let bad = paths.iter().find(|path| **path != "labels").unwrap();
            let words =
                format!("update_mask: {bad:?} can't be changed; what can: labels, description, or * for all");
            assert_eq!(status.message(), words);
        }
    }

    #[test]
    fn a_star_stands_alone() {
        for paths in [&["*", "labels"][..], &["labels", "*"], &["*", "*"], &["*", "name"]] {
            let status = parse(paths).unwrap_err();
            assert_eq!(status.message(), "update_mask: * is for all that may change, and stands alone");
        }
    }
}
