//! What the docs point at exists: paths in backticks, relative links, and names after `cargo xtask`.

use std::path::Path;

use anyhow::Result;
use clap::CommandFactory;

use crate::{Cli, tree};

/// Folders of the repository: a path in backticks that begins with one of them is one of ours.
const FOLDERS: [&str; 8] = ["crates", "services", "tests", "proto", "docs", "xtask", ".ci", ".cargo"];
/// A path with such an ending is one of ours wherever it begins.
const ENDINGS: [&str; 5] = [".rs", ".md", ".proto", ".toml", ".lock"];

/// Everything that is mentioned and not there.
pub fn findings() -> Result<Vec<String>> {
    let exists = |path: &str| tree::root().join(path).exists();
    let known = |verb: &str| Cli::command().find_subcommand(verb).is_some();
    let docs = tree::texts(&[".md"])?;
    Ok(docs.iter().flat_map(|text| missing(&text.path, &text.content, &exists, &known)).collect())
}

fn missing(
    path: &str,
    content: &str,
    exists: &dyn Fn(&str) -> bool,
    known: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    for (number, line) in content.lines().enumerate() {
        let mut say = |what: String| found.push(format!("{path}:{}: {what}", number + 1));
        for target in mentioned(line).into_iter().filter(|target| !exists(target)) {
            say(format!("`{target}` does not exist"));
        }
        for target in linked(line).filter(|target| !exists(&folder.join(target).to_string_lossy())) {
            say(format!("link to {target}, which does not exist"));
        }
        for verb in verbs(line).filter(|verb| !known(verb)) {
            say(format!("`cargo xtask {verb}` does not exist"));
        }
    }
    found
}

fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn mentioned(line: &str) -> Vec<String> {
    quoted(line).filter(|quote| is_path(quote)).flat_map(alternatives).map(|path| until_star(&path)).collect()
}

fn is_path(quote: &str) -> bool {
    let first = quote.split('/').next().unwrap_or_default();
    let ours = quote.contains('/') && FOLDERS.contains(&first);
    let named = !quote.starts_with(['/', '.', '~']) && ENDINGS.iter().any(|end| quote.ends_with(end));
    let plain =
        !quote.contains([' ', '$', '<', '(', '*', '…']) || quote.ends_with("/*") || quote.contains("/*.");
    (ours || named && quote.contains('/') || named && quote.starts_with(char::is_uppercase)) && plain
}

/// `a/{b,c}/d` is `a/b/d` and `a/c/d`.
fn alternatives(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?))) {
        Some((head, (choices, tail))) => choices
            .split(',')
            .flat_map(|choice| alternatives(&format!("{head}{}{tail}", choice.trim())))
            .collect(),
        None => vec![path.to_string()],
    }
}

/// `a/b/*.rs` asks for `a/b`.
fn until_star(path: &str) -> String {
    path.split_once("/*").map_or(path, |(folder, _)| folder).to_string()
}

fn linked(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':'))
}

fn verbs(line: &str) -> impl Iterator<Item = &str> {
    let after =
        line.split("cargo xtask ").skip(1).filter_map(|rest| rest.split([' ', '`', ',', '.', '|']).next());
    after.filter(|verb| verb.starts_with(|c: char| c.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<String> {
        missing("docs/a.md", line, &|path| path.contains("there"), &|verb| verb == "check")
    }

    #[test]
    fn paths_that_exist_pass_with_their_alternatives() {
        assert!(
            found("see `crates/there/src`, `crates/{there,there2}/x.rs` and `Cargo.there.toml`").is_empty()
        );
    }

    #[test]
    fn a_path_that_went_away_is_found() {
        assert_eq!(
            found("see `crates/gone/src/lib.rs`"),
            ["docs/a.md:1: `crates/gone/src/lib.rs` does not exist"]
        );
        assert_eq!(found("\n`src/gone.rs`").len(), 1);
        assert_eq!(found("`services/{there,gone}/src`").len(), 1);
        assert_eq!(found("`crates/gone/tests/*.rs`"), ["docs/a.md:1: `crates/gone/tests` does not exist"]);
        assert_eq!(found("`GONE.md`").len(), 1);
    }

    #[test]
    fn what_only_looks_like_a_path_is_left_alone() {
        assert!(
            found("`/proc/net`, `projects/{p}/regions`, `a/b`, `file:PATH`, `lib.rs`, `x / y.rs z`")
                .is_empty()
        );
    }

    #[test]
    fn a_dead_link_and_an_unknown_verb_are_found() {
        assert_eq!(found("[x](gone.md)"), ["docs/a.md:1: link to gone.md, which does not exist"]);
        assert!(found("[x](there.md#part), [y](https://example.org/gone)").is_empty());
        assert_eq!(found("run `cargo xtask gone`"), ["docs/a.md:1: `cargo xtask gone` does not exist"]);
        assert!(found("run `cargo xtask check`").is_empty());
    }
}
