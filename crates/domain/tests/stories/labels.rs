//! Labels and descriptions: what may be written on a thing.

use mooring_domain::labels::{Description, Labels, MAX_LABELS};

fn labels(pairs: &[(&str, &str)]) -> Result<Labels, String> {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Labels::new(pairs).map_err(|error| error.to_string())
}

#[test]
fn labels_are_in_the_order_of_their_keys_and_found_by_them() {
    let labels =
        labels(&[("tier", "front"), ("env", "prod"), ("a/b.c_d-9", ""), ("env", "Test 1 – ü")]).unwrap();
    let pairs: Vec<_> = labels.iter().collect();
    assert_eq!(pairs, [("a/b.c_d-9", ""), ("env", "Test 1 – ü"), ("tier", "front")], "the last value counts");
    assert_eq!(
        (labels.get("tier"), labels.get("a/b.c_d-9"), labels.get("b")),
        (Some("front"), Some(""), None)
    );
    assert!(!labels.is_empty() && Labels::default().is_empty());
}

#[test]
fn a_key_or_value_without_its_shape_is_named() {
    let long = "k".repeat(64);
    for key in ["", "Env", "-env", ".env", "e v", "ü", &long] {
        let error = labels(&[("ok", "ok"), (key, "x")]).unwrap_err();
        assert!(error.starts_with(&format!("key {key:?}: expected 1–63 characters")), "{error}");
    }
    let long = "ü".repeat(64);
    for value in ["a\nb", "\u{7}", &long] {
        let error = labels(&[("env", value)]).unwrap_err();
        assert!(error.starts_with(&format!("value {value:?} of env: expected at most 63")), "{error}");
    }
    let (key, value) = ("9".repeat(63), "ü".repeat(63));
    labels(&[(&key, &value)]).unwrap();
}

#[test]
fn there_are_twenty_labels_at_most() {
    let some = |count: usize| Labels::new((0..count).map(|n| (format!("k{n}"), String::new())));
    some(MAX_LABELS).unwrap();
    assert_eq!(some(MAX_LABELS + 1).unwrap_err().to_string(), "21 labels are too many, 20 at most");
}

#[test]
fn a_description_is_a_short_text_of_one_line() {
    for text in ["", "the shop's – not the bank's", &"ü".repeat(256)] {
        assert_eq!(text.parse::<Description>().unwrap().as_str(), text);
    }
    for text in ["two\nlines", "\u{1b}[2J", &"a".repeat(257)] {
        let error = text.parse::<Description>().unwrap_err();
        assert!(error.expected.contains("256 characters"), "{error}");
    }
}
