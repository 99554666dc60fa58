//! Names and ids as text: what is written is read back, and what is none says what one looks like.

use mooring_domain::{
    address::Mac,
    id::{Eip, Havip},
    name::{GatewayName, Label, Name, Scope, parse_region, parse_regional, parse_scoped},
};

use super::fixture::*;

#[test]
fn a_full_name_is_read_back() {
    let eip = Name::<Eip> { scope: scope("shop"), id: id(7) };
    let text = "projects/shop/regions/north/eips/00000000-0000-0000-0000-000000000007";
    assert_eq!(eip.to_string(), text);
    assert_eq!(text.parse(), Ok(eip));
    assert_eq!(scope("shop").to_string().parse::<Scope>(), Ok(scope("shop")));
    assert_eq!(parse_scoped::<Eip>("projects/shop/regions/north/eips/www"), Ok((scope("shop"), "www")));
    assert_eq!(parse_region("regions/north"), Ok(region("north")));
    assert_eq!(parse_regional("regions/north/gateways/g1", "gateways"), Ok((region("north"), "g1")));
}

#[test]
fn a_name_of_another_shape_is_none() {
    for text in [
        "",
        "eips/1",
        "projects/shop/regions/north/eips/",
        "projects/shop/regions/north/eips/not-a-uuid",
        "projects/shop/regions/north/havips/00000000-0000-0000-0000-000000000007",
        "projects/shop/regions/north/eips/00000000-0000-0000-0000-000000000007/x",
        "projects//regions/north/eips/00000000-0000-0000-0000-000000000007",
        "projects/Shop/regions/north/eips/00000000-0000-0000-0000-000000000007",
        "projects/shop/regions/north-/eips/00000000-0000-0000-0000-000000000007",
    ] {
        let error = text.parse::<Name<Eip>>().expect_err(text);
        assert!(error.to_string().contains("projects/{project}/regions/{region}/eips/{id}"), "{error}");
    }
    assert!("projects/a/regions/b/havips/7".parse::<Name<Havip>>().is_err());
    assert!(parse_region("north").is_err() && parse_region("regions/").is_err());
    assert!(parse_regional("regions/north/gateways/", "gateways").is_err());
    assert!("projects/shop".parse::<Scope>().is_err());
}

#[test]
fn labels_slugs_and_macs_have_their_rules() {
    assert!("203.0.113.7".parse::<Label>().is_ok() && "fd00::1".parse::<Label>().is_ok());
    let long = "x".repeat(64);
    for text in ["", "a b", "a/b", "ä", &long] {
        assert!(text.parse::<Label>().is_err(), "{text}");
    }
    for text in ["", "-a", "a-", "A", "a.b", &long] {
        assert!(text.parse::<GatewayName>().is_err(), "{text}");
    }
    assert_eq!("02:00:00:00:00:0A".parse(), Ok(mac(10)));
    assert_eq!(mac(10).to_string(), "02:00:00:00:00:0a");
    for text in [
        "",
        "02:00:00:00:00",
        "02:00:00:00:00:0a:01",
        "2:0:0:0:0:a",
        "02-00-00-00-00-0a",
        "02:00:00:00:00:+a",
    ] {
        assert!(text.parse::<Mac>().is_err(), "{text}");
    }
}
