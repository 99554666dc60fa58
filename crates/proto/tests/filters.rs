//! What filters of lists say, and what is none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mooring_proto::{
    binding::v1::Binding,
    filter::Filter,
    health::v1::Holder,
    resource::v1::{Eip, Havip, Pool, Vnic, eip::State, havip::ClaimPolicy},
};

const ID: &str = "01976e2a-0000-7000-8000-00000000000a";

fn eip() -> Eip {
    let labels = [("env".to_owned(), "prod".to_owned()), ("tier".to_owned(), String::new())];
    Eip {
        name: format!("projects/p1/regions/r1/eips/{ID}"),
        display_name: "web".into(),
        address: "2001:db8::1".into(),
        description: "the shop".into(),
        delete_protection: true,
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
        "name = 01976e2a-0000-7000-8000-00000000000a",
        "name = 01976E2A-0000-7000-8000-00000000000A",
        r#"binding = """#,
        "address = 2001:db8::1",
        "address = 2001:DB8::1",
        "address = 2001:db8:0:0::1",
        r#"description = "the shop""#,
        "delete_protection = true",
        "NOT delete_protection = false",
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
        "delete_protection != true",
        "address = 2001:db8::2",
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

#[test]
fn what_can_never_be_true_is_refused_and_says_what_can() {
    for (bad, why) in [
        ("state = IN_USES", "AVAILABLE, ASSOCIATING, IN_USE, UNASSOCIATING, COOLING"),
        ("state != in_use", "\"in_use\" is none of its words"),
        ("address = 2001:db8::g", "\"2001:db8::g\" is no IP address"),
        ("NOT (address = web)", "address: "),
        ("delete_protection = yes", "true, false"),
        ("binding = front", "by display_name"),
        ("pool = regions/r1/pools/public", "\"public\" is no id"),
        ("pool = projects/p1/regions/r1/eips/01976e2a-0000-7000-8000-00000000000a", "holds no pools"),
    ] {
        let refused = Filter::parse::<Eip>(bad).unwrap_err();
        assert!(refused.message().contains(why), "{bad}: {refused:?}");
    }
    let claims = Filter::parse::<Havip>("claim_policy = ANYBODY").unwrap_err();
    assert!(claims.message().contains("MEMBERS, SUBNET"), "{claims:?}");
}

#[test]
fn a_value_is_found_however_it_is_spelled() {
    let vnic = Vnic { mac: "02:00:00:00:00:0a".into(), ..Default::default() };
    for mac in ["02:00:00:00:00:0a", "02:00:00:00:00:0A", "02-00-00-00-00-0A"] {
        assert!(Filter::parse::<Vnic>(&format!("mac = {mac}")).unwrap().accepts(&vnic), "{mac}");
    }
    assert!(Filter::parse::<Vnic>("mac = 0200.0000.000a").is_err());
    let pool = Pool { cidrs: vec!["2001:db8::/32".into()], ..Default::default() };
    assert!(Filter::parse::<Pool>("cidrs = 2001:DB8::/32").unwrap().accepts(&pool));
    assert!(Filter::parse::<Pool>("cidrs = 2001:db8::1/32").is_err(), "no block is written so");
    let policy = ClaimPolicy::Subnet.into();
    let havip = Havip { claim_policy: policy, announce: true, ..Default::default() };
    assert!(Filter::parse::<Havip>("claim_policy = SUBNET AND announce = true").unwrap().accepts(&havip));
    let vpc = format!("projects/p1/regions/r1/vpcs/{ID}");
    let of_vpc = format!("vpc = {ID}");
    let binding = Binding { vpc: vpc.clone(), ..Default::default() };
    assert!(Filter::parse::<Binding>(&of_vpc).unwrap().accepts(&binding));
    assert!(Filter::parse::<Holder>(&of_vpc).unwrap().accepts(&Holder { vpc, ..Default::default() }));
}
