//! What `moor completion` prints: every verb is in it, and bash completes by it.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

fn moor(arguments: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_moor")).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// What `--help` lists below `Commands:`.
fn verbs(of: &[&str]) -> BTreeSet<String> {
    let help = moor(&[of, &["--help"]].concat());
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  "));
    let words =
        listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    words.filter(|word| *word != "help").map(str::to_owned).collect()
}

/// Every noun, with its verbs where it has some.
fn all() -> Vec<(String, BTreeSet<String>)> {
    let nouns: Vec<_> = verbs(&[]).into_iter().map(|noun| (verbs(&[&noun]), noun)).collect();
    assert!(nouns.len() > 20, "{nouns:?}");
    nouns.into_iter().map(|(verbs, noun)| (noun, verbs)).collect()
}

#[test]
fn the_script_of_every_shell_names_every_verb() {
    let all = all();
    assert!(all.iter().any(|(noun, verbs)| noun == "eip" && verbs.contains("allocate")), "{all:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = moor(&["completion", shell]);
        let words: BTreeSet<&str> = script
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .filter(|word| !word.is_empty())
            .collect();
        for (noun, verbs) in &all {
            assert!(words.contains(noun.as_str()), "{shell}: {noun}");
            let missing: Vec<_> = verbs.iter().filter(|verb| !words.contains(verb.as_str())).collect();
            assert!(missing.is_empty(), "{shell}: {noun} {missing:?}");
        }
        assert!(script.contains("min-position") && script.contains("order-by"), "{shell} knows no flags");
    }
}

#[test]
fn bash_completes_by_it() {
    let script = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moor.bash");
    fs::write(&script, moor(&["completion", "bash"])).unwrap();
    let completed = |words: &[&str]| {
        let line = format!(
            "source \"$SCRIPT\"; COMP_WORDS=(moor {}); COMP_CWORD={}; _moor moor {:?} {:?}; echo ${{COMPREPLY[@]}}",
            words.join(" "),
            words.len(),
            words.last().unwrap(),
            if words.len() > 1 { words[words.len() - 2] } else { "moor" },
        );
        let done =
            Command::new("bash").args(["--norc", "-c", &line]).env("SCRIPT", &script).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(completed(&["ei"]), ["eip"]);
    assert_eq!(completed(&["eip", "al"]), ["allocate"]);
    assert_eq!(completed(&["eip", "list", "--show"]), ["--show-cooling"]);
    assert_eq!(completed(&["completion", "f"]), ["fish"]);
    assert_eq!(completed(&["nothing-like-that"]), [""; 0]);
}
