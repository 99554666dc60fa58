//! The pages of `docs/guides`, for tests that do what a page says.

use std::path::Path;

use anyhow::{Context, Result};

/// A page, by its file's name.
pub fn guide(name: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides").join(name);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// The blocks of a page that have a kind, in order: kind and text.
pub fn blocks(page: &str) -> Vec<(String, String)> {
    let (mut blocks, mut open) = (Vec::new(), None);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks.retain(|(kind, _)| !kind.is_empty());
    blocks
}
