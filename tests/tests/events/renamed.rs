//! An EIP that is called something else has one history, under every name that it had.

use mooring_proto::dataplane::v1::EventFilter;
use mooring_tests::server::moor_with;

use crate::given::*;

#[test]
fn a_renamed_eip_has_one_history_under_each_of_its_names_and_its_address() {
    let mut server = lived();
    server.ask("eip update web --name shop").unwrap();
    server.ask("eip update shop --labels env=prod").unwrap();
    let list_of = |name: &str| {
        let eip = format!("{P1}/eips/{name}");
        kinds(&list(&server, &EventFilter { eip, ..Default::default() }, 2))
    };
    let whole = list_of("web");
    assert_eq!(
        (whole.first().unwrap().as_str(), whole.last().unwrap().as_str()),
        ("eip_allocated", "eip_updated")
    );
    assert_eq!(list_of("shop"), whole);
    assert_eq!(list_of("203.0.113.70"), whole);
    let lines = ["log --eip web", "log --eip shop", "log --eip shop --to 9"];
    let told = lines.map(|line| server.moor(line).unwrap().out);
    assert!(told[0].ends_with("EIP shop (203.0.113.70) updated: labels env=prod\n"), "{}", told[0]);
    assert_eq!(told[0], told[1]);
    assert!(told[1].starts_with(&told[2]) && !told[2].is_empty(), "{}", told[2]);
    assert!(server.stop().unwrap().success());
    for (line, told) in lines.iter().zip(told) {
        let read = moor_with(&[], &format!("{line} --log {}", server.data().display())).unwrap();
        assert_eq!((read.exit, read.out), (0, told), "{line}: {}", read.error);
    }
}
