//! A file that needs more lines than this is two things, one that does not begin with what it is has no subject, and
//! a name that fits everything collects everything. Functions have their limit in `clippy.toml`.

use anyhow::Result;

use crate::tree;

const MOST: usize = 500;
const CATCH_ALL: [&str; 6] = ["mod.rs", "util.rs", "utils.rs", "helper.rs", "helpers.rs", "common.rs"];

/// Source files that are too long, say nothing or are badly named; tests included.
pub fn findings() -> Result<Vec<String>> {
    Ok(tree::texts(&[".rs"])?.iter().flat_map(|text| of_file(&text.path, &text.content)).collect())
}

fn of_file(path: &str, content: &str) -> Vec<String> {
    let lines = content.lines().count();
    let name = path.rsplit('/').next().unwrap_or(path);
    let rules = [
        (lines > MOST, format!("{lines} lines, {MOST} are allowed")),
        (!content.starts_with("//!"), "does not begin with `//!`: what it is, and why it is apart".into()),
        (CATCH_ALL.contains(&name), "a name for anything: name it after its one thing".into()),
    ];
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, what)| format!("{path}: {what}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_passes_and_one_line_more_does_not() {
        assert!(of_file("a.rs", &"//! x\n".repeat(MOST)).is_empty());
        assert_eq!(of_file("a.rs", &"//! x\n".repeat(MOST + 1)), ["a.rs: 501 lines, 500 are allowed"]);
    }

    #[test]
    fn a_file_without_a_subject_and_a_name_for_anything_are_found() {
        assert_eq!(of_file("src/lab.rs", "use x;").len(), 1);
        assert_eq!(of_file("src/lab/mod.rs", "//! The lab.").len(), 1);
    }
}
