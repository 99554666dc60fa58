//! `moor replay --as nft` prints what the nft command loads; the kernel then has what our driver makes of the same moment,
//! but for the rules that stand as comments.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::Result;
use mooring_dataplane::{Driver as _, Kernel, Place};
use mooring_domain::nat::diff;
use mooring_past::{Moment, fold_folder};
use mooring_tests::{Namespace, lab::Lab, server::own_folder};
use serde_json::Value;

use crate::given::*;

/// A rule by its bytecode: what must hold for it, and then what it does in its order.
#[derive(Debug, PartialEq)]
pub struct Rule {
    comment: String,
    conditions: BTreeSet<String>,
    effects: Vec<String>,
}

/// The rules of every chain.
pub type Rules = BTreeMap<String, Vec<Rule>>;

pub fn rules(of: &Namespace) -> Rules {
    let mut rules = Rules::new();
    let (mut chain, mut code) = (String::new(), Vec::new());
    for line in of.output("nft --debug=netlink list ruleset").unwrap().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(expression) = line.strip_prefix("  [ ").and_then(|rest| rest.strip_suffix(" ]")) {
            code.push(expression.to_owned());
        } else if line.starts_with("  userdata = ") {
            let rule = rule(line.trim(), &std::mem::take(&mut code));
            rules.entry(chain.clone()).or_default().push(rule);
        } else if let ["ip", table, name, ..] = words[..] {
            chain = format!("{table} {name}");
        }
    }
    rules
}

/// Registers are followed, so that it does not matter which are used, nor whether something is looked up twice.
fn rule(comment: &str, code: &[String]) -> Rule {
    let (mut registers, mut conditions, mut effects) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    for expression in code {
        let words: Vec<&str> = expression.split_whitespace().collect();
        let has = |register: &str| registers.get(register).cloned().unwrap_or_else(|| register.to_owned());
        match words[..] {
            ["immediate", "reg", "0", ..] => effects.push(expression.clone()),
            ["immediate", "reg", register, value] => {
                drop(registers.insert(register.to_owned(), value.to_owned()))
            }
            ["bitwise", "reg", into, "=", "(", "reg", from, "&", mask, ")", "^", turned] => {
                let value = format!("{} & {mask} ^ {turned}", has(from));
                registers.insert(into.to_owned(), value);
            }
            // nft looks whether a frame is Ethernet before it takes a MAC out of it.
            ["cmp", "eq", "reg", register, "0x00000001"] if has(register) == "meta load iiftype" => {}
            ["cmp", relation, "reg", register, ..] => {
                conditions.insert(format!("{} {relation} {}", has(register), words[4..].join(" ")));
            }
            ["lookup", "reg", key, "set", set, ref rest @ ..] => {
                let key = match set {
                    "holders" => format!("{} . {}", has(key), has("9")),
                    _ => has(key),
                };
                conditions.insert(format!("{key} in {set} {}", rest.last().unwrap()));
                if let ["dreg", into, ..] = rest {
                    registers.insert((*into).to_owned(), format!("{set}[{key}]"));
                }
            }
            ["payload", "write", "reg", from, ..] => {
                effects.push(format!("write {} {}", has(from), words[4..].join(" ")));
            }
            [what, "set", field, "with", "reg", from] => {
                effects.push(format!("{what} {field} = {}", has(from)))
            }
            [.., "=>", "reg", into] => {
                registers.insert(into.to_owned(), words[..words.len() - 3].join(" "));
            }
            _ => effects.push(expression.clone()),
        }
    }
    Rule { comment: comment.to_owned(), conditions, effects }
}

/// Tables, chains, sets with their elements and counters, without what the kernel counts by itself.
fn standing(of: &Namespace) -> BTreeSet<String> {
    let listed: Value = serde_json::from_str(&of.output("nft -j list ruleset").unwrap()).unwrap();
    let objects = listed["nftables"].as_array().unwrap().iter().filter(|object| object.get("rule").is_none());
    let plain = |object: &Value| {
        let mut object = object.clone();
        for (_, inner) in object.as_object_mut().unwrap() {
            for counted in ["handle", "packets", "bytes"] {
                inner.as_object_mut().unwrap().remove(counted);
            }
        }
        object.to_string()
    };
    objects.filter(|object| object.get("metainfo").is_none()).map(plain).collect()
}

/// The rules that stand as comments, by what they are for.
fn unsaid(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("# nft can't say: ")).collect()
}

pub fn load(namespace: &Namespace, text: &str) -> Result<()> {
    let folder = own_folder()?;
    let file = folder.path().join("past.nft");
    fs::write(&file, text)?;
    namespace.output(&format!("nft -f {}", file.display())).map(drop)
}

/// A laboratory with the driver's kernel of a moment, and the text for nft's.
fn compared(hairpin: bool) -> (Lab, String) {
    let Life { server, photos } = lived();
    let lab = Lab::new().unwrap();
    let at = photos[4].position;
    let folded = fold_folder(&server.data().join("log/r1"), Moment::parse(&at.to_string()).unwrap()).unwrap();
    let netns = Some(lab.gateway.name().to_owned());
    let place = Place { netns, inside: "in0".into(), outside: "out0".into(), arp: true, hairpin };
    let mut kernel = Kernel::open(&place).unwrap();
    let desired = &folded.desired;
    let blue = desired.vpcs.values().find(|vpc| vpc.display_name.as_str() == "blue").unwrap();
    let pools = desired.pools.values().flatten().copied().collect();
    let steps = diff(blue, &pools, &kernel.read().unwrap());
    kernel.apply(&steps).unwrap();
    let flag = if hairpin { " --hairpin" } else { "" };
    let line = format!("replay {} --at {at} --as nft --vpc blue{flag}", server.data().display());
    let answer = offline(&line);
    assert_eq!(answer.exit, 0, "{}", answer.error);
    (lab, answer.out)
}

/// That nft has loaded this text into a namespace, and that it is what our driver has made in another, but for the comments.
/// Answers with nft's rules.
pub fn check_loaded(driver: &Namespace, nft: &Namespace, text: &str) -> Rules {
    load(nft, text).unwrap();
    assert!(!standing(driver).is_empty());
    assert_eq!(standing(nft), standing(driver), "{text}");
    let (mut ours, theirs) = (rules(driver), rules(nft));
    let said: BTreeSet<_> = theirs.values().flatten().map(|rule| rule.comment.clone()).collect();
    let mut left = Vec::new();
    for rules in ours.values_mut() {
        let (kept, out) = std::mem::take(rules).into_iter().partition(|rule| said.contains(&rule.comment));
        *rules = kept;
        left.extend::<Vec<Rule>>(out);
    }
    ours.retain(|_, rules| !rules.is_empty());
    assert_eq!(ours, theirs, "{text}");
    assert!(theirs.values().flatten().count() > 25, "{theirs:#?}");
    // Nothing is left out in silence, and only what nft really can't say.
    let unsaid = unsaid(text);
    assert_eq!(unsaid.len(), left.len(), "{text}");
    for rule in &left {
        assert!(unsaid.iter().any(|purpose| rule.comment.contains(purpose)), "{rule:?}");
        let quotes = |what: &String| what.contains("transport header + ") && what.contains(" in ");
        let mends = |what: &String| what.starts_with("write ") && !what.contains("csum_flags 0x1");
        let needed = rule.conditions.iter().any(quotes) || rule.effects.iter().any(mends);
        assert!(needed, "nft could say: {rule:?}");
    }
    theirs
}

#[test]
fn what_nft_loads_is_what_our_driver_makes_but_for_the_comments() {
    for hairpin in [false, true] {
        let (lab, text) = compared(hairpin);
        let theirs = check_loaded(&lab.gateway, &lab.plain, &text);
        // It is loaded upon itself, and a rule that is another is seen.
        load(&lab.plain, &text).unwrap();
        assert_eq!(rules(&lab.plain), theirs);
        load(&lab.plain, &text.replace("ip saddr @havip_to_eip notrack", "notrack")).unwrap();
        assert_ne!(rules(&lab.plain), theirs);
    }
}

#[test]
fn a_vpc_that_was_not_there_or_is_not_named_is_refused() {
    let Life { server, photos } = lived();
    let place = server.data().display().to_string();
    let check = |arguments: &str, expected: (i32, &str, &str), what: &str| {
        let refusal = refused(&format!("replay {place} --as nft {arguments}"));
        assert_eq!((refusal.exit, &*refusal.reason, &*refusal.field), expected, "{}", refusal.message);
        assert!(refusal.message.contains(what), "{}", refusal.message);
    };
    check("--vpc red", (3, "NOT_FOUND", "--vpc"), "there was no VPC red then: there was blue");
    check("--at 0", (3, "NOT_FOUND", "--vpc"), "there was no VPC then");
    check(
        &format!("--vpc blue --at {}", photos[0].position + 9999),
        (3, "OUTSIDE_THE_LOG", "--at"),
        "there is no record",
    );
    let all = offline(&format!("replay {place} --as nft --project p2"));
    assert!(all.exit == 0 && all.out.starts_with("# VPC other at "), "{}", all.error);
    assert_eq!(offline(&format!("replay {place} --as nft --inside a\"b")).exit, 2);
}
