//! What the kernel tells of a stranger's change: enough to undo it, or that everything has to be read.

use mooring_dataplane::{Driver as _, Kernel};
use mooring_domain::nat::{Actual, Op, Touched, diff};

use crate::namespace::{Namespace, desired, pools};

/// What was touched since the driver's own last change.
fn touched(kernel: &mut Kernel, namespace: &Namespace, command: &str) -> Option<Vec<Touched>> {
    let ours = kernel.generation().unwrap();
    namespace.nft(command);
    let (now, touched) = kernel.touched(ours).unwrap()?;
    assert_eq!(now, kernel.generation().unwrap(), "{command}");
    Some(touched)
}

/// As what is not known in part has to be.
fn read_and_mend(kernel: &mut Kernel) {
    let actual = kernel.read().unwrap();
    kernel.apply(&diff(&desired(), &pools(), &actual)).unwrap();
}

#[test]
fn an_element_that_a_stranger_takes_or_gives_is_told_and_is_all_that_is_mended() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let put = kernel.read().unwrap();
    for (command, op) in [
        ("delete element ip mooring eip_to_havip { 203.0.113.64 }", "MapEip"),
        ("delete element ip mooring havip_to_eip { 10.0.1.50 }", "MapHavip"),
        ("add element ip mooring eip_to_havip { 203.0.113.99 : 10.0.1.99 }", "UnmapEip"),
        ("add element ip mooring_fence holders { 10.0.1.50 . 02:00:00:00:00:0c }", "ForbidHolder"),
        ("delete element ip mooring_fence unheld { 10.0.1.60 }", "AddUnheld"),
        ("delete element ip mooring_fence havips { 10.0.1.60 }", "AddHavip"),
    ] {
        let touched = touched(&mut kernel, &namespace, command).expect(command);
        let (was, is) = put.touched(&touched);
        let ops = Actual::back(&was, &is);
        assert!(matches!(&ops[..], [one] if format!("{one:?}").starts_with(op)), "{command}: {ops:?}");
        kernel.apply(&ops).unwrap();
        assert_eq!(kernel.read().unwrap(), put, "{command}");
    }
}

#[test]
fn what_was_given_and_taken_again_or_is_anothers_is_nothing_to_mend() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let put = kernel.read().unwrap();
    for command in [
        "add element ip mooring eip_to_havip { 203.0.113.99 : 10.0.1.99 }; delete element ip mooring eip_to_havip { 203.0.113.99 }",
        "add table ip mooring_not; add table ip6 mooring; add chain ip6 mooring more",
    ] {
        let touched = touched(&mut kernel, &namespace, command).expect(command);
        let (was, is) = put.touched(&touched);
        assert_eq!(Actual::back(&was, &is), [], "{command}");
    }
}

#[test]
fn of_anything_but_elements_it_says_that_everything_has_to_be_read() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    for command in [
        "add rule ip mooring from_outside accept",
        "add chain ip mooring more",
        "add set ip mooring more { type ipv4_addr ; }",
        "add element ip mooring pools { 192.0.2.0/24 }",
        "delete table ip mooring_fence",
    ] {
        assert_eq!(touched(&mut kernel, &namespace, command), None, "{command}");
        read_and_mend(&mut kernel);
    }
}

/// A change before one of ours, and one while nobody listens to a large one: from its number alone it is not known.
#[test]
fn what_came_between_our_own_changes_has_to_be_read() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let address = |first: u8, number: u16| {
        let [high, low] = number.to_be_bytes();
        std::net::IpAddr::from([first, 0, high, low])
    };
    for count in [1, 1000] {
        let before = kernel.generation().unwrap();
        namespace.nft("delete element ip mooring eip_to_havip { 203.0.113.64 }");
        let ours: Vec<_> = (0..count).map(|n| Op::MapEip(address(198, n), address(10, n))).collect();
        kernel.apply(&ours).unwrap();
        assert_eq!(kernel.touched(before.wrapping_add(1)).unwrap(), None, "{count}");
        read_and_mend(&mut kernel);
    }
    let ours = kernel.generation().unwrap();
    assert_eq!(kernel.touched(ours).unwrap(), Some((ours, Vec::new())), "our own are nobody's");
}

/// A stranger's change so large that not all that is told of it finds room, with one of our elements in it.
#[test]
fn where_not_all_was_heard_everything_has_to_be_read_and_after_that_it_is_heard_again() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let put = kernel.read().unwrap();
    let ours = kernel.generation().unwrap();
    let many: Vec<_> =
        (0..60_000_u32).map(|n| format!("198.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255)).collect();
    let flood = format!(
        "delete element ip mooring eip_to_havip {{ 203.0.113.64 }}\n\
         add table ip other\nadd set ip other many {{ type ipv4_addr ; }}\nadd element ip other many {{ {} }}\n",
        many.join(", "),
    );
    namespace.nft_all(&flood);
    assert_ne!(kernel.generation().unwrap(), ours, "that something changed is known all the same");
    assert_eq!(kernel.touched(ours).unwrap(), None);
    read_and_mend(&mut kernel);
    assert_eq!(kernel.read().unwrap(), put);
    let command = "delete element ip mooring eip_to_havip { 203.0.113.64 }";
    let told = touched(&mut kernel, &namespace, command).expect(command);
    assert!(matches!(told[..], [Touched::Eip(_, None)]), "{told:?}");
}
