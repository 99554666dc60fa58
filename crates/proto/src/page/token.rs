//! Where a page ended, as text that means nothing to whoever gets it.

use sha2::{Digest as _, Sha256};
use tonic::Status;
use uuid::Uuid;

use crate::status::bad_field;

/// How long what stands for the list is.
const LIST: usize = 16;
/// And the id.
const ID: usize = 32;

/// The last thing of a page.
pub(super) struct Token {
    /// Its id.
    pub(super) last: Uuid,
    /// What the list's order looks at.
    pub(super) values: Vec<String>,
}

impl Token {
    pub(super) fn read(text: &str, list: u64) -> Result<Self, Status> {
        let bad = |what: &str| bad_field("page_token", what);
        match parse(text).ok_or_else(|| bad("is no token of this list"))? {
            (of, token) if of == list => Ok(token),
            _ => Err(bad("is of another list: all but page_size must be as it was for the page before")),
        }
    }

    pub(super) fn write(&self, list: u64) -> String {
        let values = self.values.join("\0");
        let hex: String = values.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{list:016x}{}{hex}", self.last.simple())
    }
}

fn parse(text: &str) -> Option<(u64, Token)> {
    let (list, rest) = text.split_at_checked(LIST)?;
    let (last, hex) = rest.split_at_checked(ID)?;
    let pairs = (0..hex.len()).step_by(2).map(|at| hex.get(at..at + 2));
    let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<Vec<_>>>()?;
    let values = match bytes.is_empty() {
        true => Vec::new(),
        false => String::from_utf8(bytes).ok()?.split('\0').map(str::to_owned).collect(),
    };
    Some((u64::from_str_radix(list, 16).ok()?, Token { last: Uuid::try_parse(last).ok()?, values }))
}

/// Stands for a list, the same in every process, of whatever version. It keeps mistakes away, and nobody else.
pub(super) fn list<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update("\n");
    }
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.into_iter().take(8).fold(0, |value, byte| value << 8 | u64::from(byte))
}
