//! What filters of lists say, and what is none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mooring_proto::{
    filter::Filter,
    resource::v1::{Eip, eip::State},
};

fn eip() -> Eip {
    let labels = [("env".to_owned(), "prod".to_owned()), ("tier".to_owned(), String::new())];
    Eip {
        name: "projects/p1/regions/r1/eips/7".into(),
        display_name: "web".into(),
        state: State::InUse.into(),
        labels: labels.into(),
        ..Default::default()
    }
}

#[test]
fn a_filter_is_true_of_what_it_says() {
    for yes in [
        "",
        "  ",
        r#"display_name = "web""#,
        "display_name=web",
        r#"state = "IN_USE" AND labels.env = "prod""#,
        r#"name = "7""#,
        r#"NOT state = "AVAILABLE""#,
        r#"state != "AVAILABLE""#,
        r#"labels.tier = """#,
        r#"labels.none != "x""#,
        // OR binds tighter.
        r#"display_name = "x" OR display_name = "web" AND state = "IN_USE""#,
        r#"(display_name = "x" AND state = "IN_USE") OR display_name = "web""#,
        r#"display_name = "x" OR (((display_name = "web")))"#,
    ] {
        assert!(Filter::parse::<Eip>(yes).unwrap().accepts(&eip()), "{yes}");
    }
    for no in [
        r#"display_name = "we""#,
        r#"labels.env = "test""#,
        r#"labels.none = "x""#,
        r#"display_name = "web" AND display_name = "x" OR state = "AVAILABLE""#,
        r#"name = """#,
    ] {
        assert!(!Filter::parse::<Eip>(no).unwrap().accepts(&eip()), "{no}");
    }
}

#[test]
fn what_is_no_filter_is_refused_and_says_why() {
    let deep = format!("{}display_name = web{}", "(".repeat(17), ")".repeat(17));
    let long = format!("display_name = {}", "x".repeat(1000));
    for bad in [
        "display_name",
        "= web",
        "display_name = ",
        "display_name = \"web",
        "display_name web",
        "(display_name = web",
        "display_name = web)",
        "AND",
        "display_name = web AND",
        "display_name = web display_name = x",
        "nothing = web",
        "labels = web",
        "display_name > web",
        &deep,
        &long,
    ] {
        let refused = Filter::parse::<Eip>(bad).unwrap_err();
        assert!(refused.message().starts_with("filter: "), "{bad}: {refused:?}");
    }
}
