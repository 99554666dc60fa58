//! Where a list or a watch goes on, as text that nobody but the server reads. It only fits the filter it was made with.

use std::fmt;

use mooring_domain::{CommitPosition, Position};
use mooring_ledger::index::Entry;
use mooring_proto::dataplane::v1::EventFilter;
use prost::Message;

/// A place between two commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// The first that comes behind it can stand here.
    pub(super) entry: Entry,
    /// Of the filter.
    pub(super) fingerprint: u32,
}

/// What a filter is known by.
pub(super) fn fingerprint(filter: &EventFilter) -> u32 {
    crc32c::crc32c(&filter.encode_to_vec())
}

impl Token {
    pub(super) fn entry(self) -> Entry {
        self.entry
    }

    /// A token of this filter.
    pub(super) fn parse(text: &str, fingerprint: u32) -> Option<Self> {
        let (position, rest) = text.split_once('-')?;
        let (index, of) = rest.split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let at = CommitPosition {
            position: Position(number(position)?),
            index: u32::try_from(number(index)?).ok()?,
        };
        let token = Self { entry: Entry { at, event: 0 }, fingerprint };
        (number(of)? == u64::from(fingerprint)).then_some(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CommitPosition { position, index } = self.entry.at;
        write!(f, "{:x}-{index:x}-{:x}", position.0, self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_fits_no_other_filter() {
        let at = CommitPosition { position: Position(1_000_000), index: 999 };
        let token = Token { entry: Entry::after_commit(at), fingerprint: 0xdead_beef };
        assert_eq!(Token::parse(&token.to_string(), 0xdead_beef), Some(token));
        assert_eq!(Token::parse(&token.to_string(), 1), None);
        for text in ["-", "1-2", "1-2-zz", "1-100000000-0", "é-1-0"] {
            assert_eq!(Token::parse(text, 0), None, "{text}");
        }
    }
}
