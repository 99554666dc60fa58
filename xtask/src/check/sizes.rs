//! A file that needs more lines than this is two things. Functions have their limit in `clippy.toml`.

use anyhow::Result;

use crate::tree;

const MOST: usize = 500;

/// Source files over the limit, tests included.
pub fn findings() -> Result<Vec<String>> {
    Ok(tree::texts(&[".rs"])?.iter().filter_map(|text| over(&text.path, &text.content)).collect())
}

fn over(path: &str, content: &str) -> Option<String> {
    let lines = content.lines().count();
    (lines > MOST).then(|| format!("{path}: {lines} lines, {MOST} are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_passes_and_one_line_more_does_not() {
        assert_eq!(over("a.rs", &"x\n".repeat(MOST)), None);
        assert_eq!(over("a.rs", &"x\n".repeat(MOST + 1)).unwrap(), "a.rs: 501 lines, 500 are allowed");
    }
}
