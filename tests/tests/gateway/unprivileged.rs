//! Without any capability: everything that needs no kernel works, and the status says what is missing.

use std::time::Instant;

use mooring_tests::{Lab, server::Options};

use crate::stage::{Stage, content};

#[test]
fn without_capabilities_it_starts_serves_names_the_capability_and_changes_nothing() {
    let lab = Lab::new().unwrap();
    let before = content(&lab.gateway).unwrap();
    let wrapper = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"].map(str::to_owned).to_vec();
    let options = Options { wrapper, ..Options::default() };
    let stage = Stage::stocked_in(lab, options, Lab::places).unwrap();
    stage.wait_fault(&["not permitted", "CAP_SYS_ADMIN", stage.lab.gateway.name()]).unwrap();
    let begin = Instant::now();
    stage.server.ask("bind web front").unwrap();
    assert_eq!(stage.state_of("web").unwrap(), "IN_USE");
    // The kernel has nothing, and nobody is told that it has.
    let refusal = stage.server.refuse("bind web front --wait --timeout 2").unwrap();
    assert_eq!(refusal.exit, 4, "{refusal:?}");
    assert_eq!(content(&stage.lab.gateway).unwrap(), before);
    // What an earlier process has put there may be there still: it is not said to be empty.
    stage.is_unreadable();
    let said = stage.said("CAP_SYS_ADMIN");
    assert_eq!(said, 1, "over {:?}:\n{}", begin.elapsed(), stage.server.log());
}
