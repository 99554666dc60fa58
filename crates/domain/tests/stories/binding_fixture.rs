//! Commands and facts of binding, numbered: EIP 1 is `203.0.113.1`, HAVIP 1 is `10.0.1.1`, both of the project `shop`.

use mooring_domain::{
    Expected,
    binding::{BindingCore, Command},
    event::{EipFacts, HavipFacts},
    name::Name,
};

use super::fixture::*;

pub type BindingStory = Story<BindingCore>;

pub fn bind(number: u128, eip: u128, havip: u128) -> Command {
    bind_of("shop", number, eip, havip)
}

pub fn bind_of(project: &str, number: u128, eip: u128, havip: u128) -> Command {
    Command::Bind {
        id: id(number),
        eip: Name { scope: scope(project), id: id(eip) },
        havip: Name { scope: scope(project), id: id(havip) },
    }
}

pub fn unbind(project: &str, eip: u128) -> Command {
    Command::Unbind { scope: scope(project), eip: id(eip), expected: Expected::default() }
}

pub fn confirm(number: u128, eip: u128, havip: u128) -> Command {
    Command::Confirm { binding: id(number), eip: eip_facts(eip), havip: havip_facts(havip) }
}

pub fn fail(number: u128) -> Command {
    Command::Fail { binding: id(number), reason: "NOT_FOUND".into(), message: "EIP 1 does not exist".into() }
}

pub fn complete(number: u128) -> Command {
    Command::Complete { binding: id(number) }
}

pub fn eip_facts(number: u128) -> EipFacts {
    EipFacts {
        id: id(number),
        project: scope("shop").project,
        region: region("north"),
        pool: id(1),
        address: ip(&format!("203.0.113.{number}")),
        display_name: label(&format!("eip-{number}")),
    }
}

pub fn havip_facts(number: u128) -> HavipFacts {
    HavipFacts {
        id: id(number),
        project: scope("shop").project,
        region: region("north"),
        vpc: id(1),
        subnet: id(1),
        address: ip(&format!("10.0.1.{number}")),
        display_name: label(&format!("havip-{number}")),
    }
}

/// Binding 70 of EIP 1 and HAVIP 1, requested.
pub fn associating() -> BindingStory {
    let mut story = Story::default();
    story.given(&bind(70, 1, 1));
    story
}

/// The same, in use.
pub fn in_use() -> BindingStory {
    let mut story = associating();
    story.given(&confirm(70, 1, 1));
    story
}

/// The same, being taken out.
pub fn unassociating() -> BindingStory {
    let mut story = in_use();
    story.given(&unbind("shop", 1));
    story
}

pub fn binding(number: u128) -> Option<String> {
    Some(name("shop", "bindings", number))
}
