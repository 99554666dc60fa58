//! What must not be in the tree: unfinished work, tests that don't run, traces of one machine, and words
//! that mean one of our things under another name.

use anyhow::Result;

use crate::tree;

struct Forbidden {
    word: &'static str,
    why: &'static str,
    /// Files it is looked for in.
    endings: &'static [&'static str],
}

const SOURCE: &[&str] = &[".rs", ".proto", ".toml", ".yml", ".yaml", ".sh", ".ci/run"];
const RUST: &[&str] = &[".rs"];
const DOCS: &[&str] = &[".md"];
const ALL: &[&str] = &[".rs", ".proto", ".toml", ".yml", ".yaml", ".sh", ".ci/run", ".md"];

/// Put together from halves, so that this file passes.
const FORBIDDEN: &[Forbidden] = &[
    Forbidden { word: concat!("todo", "!("), why: "unfinished", endings: RUST },
    Forbidden { word: concat!("unimplemented", "!("), why: "unfinished", endings: RUST },
    Forbidden { word: concat!("FIX", "ME"), why: "unfinished", endings: ALL },
    Forbidden { word: concat!("XX", "X"), why: "unfinished", endings: ALL },
    Forbidden { word: concat!("TO", "DO"), why: "unfinished", endings: ALL },
    Forbidden { word: concat!("#[ign", "ore"), why: "a test that does not run", endings: RUST },
    Forbidden { word: concat!("assert!(", "true"), why: "a check that cannot fail", endings: RUST },
    Forbidden { word: concat!("/ro", "ot/"), why: "a path of one machine", endings: ALL },
    Forbidden { word: concat!("/ho", "me/"), why: "a path of one machine", endings: ALL },
    Forbidden { word: concat!("/wo", "rk/"), why: "a path of one machine", endings: ALL },
    Forbidden { word: concat!("/Us", "ers/"), why: "a path of one machine", endings: ALL },
    Forbidden { word: concat!("crates", ".io"), why: "a registry's host", endings: ALL },
    Forbidden { word: concat!("docs", ".rs"), why: "a registry's host", endings: DOCS },
    Forbidden { word: concat!("deb.deb", "ian.org"), why: "a registry's host", endings: ALL },
    Forbidden { word: concat!("floating", " ip"), why: "say EIP or HAVIP", endings: ALL },
    Forbidden { word: concat!("Floating", " IP"), why: "say EIP or HAVIP", endings: ALL },
    Forbidden { word: concat!("elastic", " ip"), why: "say EIP", endings: ALL },
    Forbidden { word: concat!("Elastic", " IP"), why: "say EIP", endings: ALL },
    Forbidden { word: concat!("V", "IP"), why: "say HAVIP", endings: ALL },
    Forbidden { word: concat!("VI", "Ps"), why: "say HAVIP", endings: ALL },
    Forbidden { word: concat!("Lead", "er"), why: "say holder", endings: SOURCE },
];

/// Every forbidden word, with its place.
pub fn findings() -> Result<Vec<String>> {
    Ok(tree::texts(ALL)?.iter().flat_map(|text| in_text(&text.path, &text.content)).collect())
}

fn in_text(path: &str, content: &str) -> Vec<String> {
    let mut found = Vec::new();
    let here =
        || FORBIDDEN.iter().filter(|forbidden| forbidden.endings.iter().any(|end| path.ends_with(end)));
    for (number, line) in content.lines().enumerate() {
        for forbidden in here().filter(|forbidden| has_word(line, forbidden.word)) {
            found.push(format!("{path}:{}: `{}`: {}", number + 1, forbidden.word, forbidden.why));
        }
    }
    found
}

/// `word` in `line`, not as the end or the beginning of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let longer_before = word.starts_with(char::is_alphanumeric) && letter(before.chars().next_back());
        let longer_after = word.ends_with(char::is_alphanumeric) && letter(after.chars().next());
        !longer_before && !longer_after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_with_its_line() {
        for Forbidden { word, endings, .. } in FORBIDDEN {
            let found = in_text(&format!("a/b{}", endings[0]), &format!("fine\nbefore {word} after\n"));
            assert!(found.iter().any(|line| line.contains(":2: ")), "{word} was not found");
        }
    }

    #[test]
    fn a_longer_word_is_another_word() {
        assert!(!has_word("the HAVIP is held", concat!("V", "IP")));
        assert!(has_word(concat!("the V", "IP moves"), concat!("V", "IP")));
    }

    #[test]
    fn a_word_of_docs_is_not_looked_for_in_code() {
        assert!(in_text("a.rs", concat!("see docs", ".rs")).is_empty());
        assert_eq!(in_text("a.md", concat!("see docs", ".rs")).len(), 1);
    }
}
