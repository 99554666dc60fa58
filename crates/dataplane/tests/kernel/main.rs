//! The real kernel, in namespaces that the tests make and delete. Needs root.

mod namespace;

use mooring_dataplane::{Driver as _, Fault, Kernel, Place, suite};
use namespace::Namespace;

#[test]
fn the_kernel_passes_the_suite() {
    for arp in [true, false] {
        let namespace = Namespace::new();
        let mut kernel = Kernel::open(&Place { arp, ..namespace.place() }).unwrap();
        suite::run(&mut kernel).unwrap();
    }
}

#[test]
fn a_missing_namespace_is_named() {
    let namespace = Namespace::new();
    let place = Place { netns: Some("mooring-none".to_owned()), ..namespace.place() };
    let fault = Kernel::open(&place).unwrap_err();
    assert!(matches!(&fault, Fault::NoNamespace { name, .. } if name == "mooring-none"), "{fault}");
    assert!(fault.to_string().contains("\"mooring-none\""), "{fault}");
}

#[test]
fn a_missing_link_is_named() {
    let namespace = Namespace::new();
    for (place, missing) in [
        (Place { inside: "in9".to_owned(), ..namespace.place() }, "in9"),
        (Place { outside: "out9".to_owned(), ..namespace.place() }, "out9"),
    ] {
        let fault = Kernel::open(&place).unwrap_err();
        assert!(matches!(&fault, Fault::NoLink { link, .. } if link == missing), "{fault}");
    }
}

#[test]
fn a_link_without_macs_is_refused() {
    let namespace = Namespace::new();
    let place = Place { inside: "lo".to_owned(), ..namespace.place() };
    let fault = Kernel::open(&place).unwrap_err();
    assert!(matches!(&fault, Fault::NotEthernet { link, .. } if link == "lo"), "{fault}");
}
