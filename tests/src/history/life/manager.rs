//! What the process manager of bindings sends next, by what is stored: as binding's own does, a step at a time.

use fastrand::Rng;
use mooring_domain::{
    binding::{Binding, Command as ToBinding, Phase},
    resource::{Command as ToResource, Hold, ReleaseHold},
};

use super::asked::Commands;
use crate::history::cores::Cores;

/// The next message for some of the unfinished bindings: to resource, and to binding.
pub(super) fn next(cores: &Cores<'_>, rng: &mut Rng, many: usize) -> (Commands, Commands) {
    let (mut to_resource, mut to_binding) = (Vec::new(), Vec::new());
    let unfinished: Vec<_> = cores.states().binding.unfinished().collect();
    for binding in rng.choose_multiple(unfinished, many) {
        match of(cores, binding) {
            Some(Message::ToResource(command)) => to_resource.push(command),
            Some(Message::ToBinding(command)) => to_binding.push(command),
            None => {}
        }
    }
    (Commands::Resource(to_resource), Commands::Binding(to_binding))
}

/// What comes of those that were refused: what is not held, or not confirmed, is let go for ever, and fails then.
pub(super) fn after(commands: &Commands, refused: &[bool]) -> Commands {
    let region = || super::region::REGION.parse().ok();
    let release = |binding| Some(ToResource::ReleaseHold(ReleaseHold { binding, region: region()? }));
    let releases = match commands {
        Commands::Resource(all) => which(all, refused)
            .filter_map(|command| match command {
                ToResource::Hold(hold) => release(hold.binding),
                _ => None,
            })
            .collect(),
        Commands::Binding(all) => which(all, refused)
            .filter_map(|command| match command {
                ToBinding::Confirm { binding, .. } | ToBinding::Leave { binding, .. } => release(*binding),
                _ => None,
            })
            .collect(),
        Commands::Holder(_) => Vec::new(),
    };
    Commands::Resource(releases)
}

fn which<'a, T>(all: &'a [T], refused: &'a [bool]) -> impl Iterator<Item = &'a T> {
    all.iter().zip(refused).filter(|(_, refused)| **refused).map(|(command, _)| command)
}

enum Message {
    ToResource(ToResource),
    ToBinding(ToBinding),
}

fn of(cores: &Cores<'_>, binding: &Binding) -> Option<Message> {
    let (id, resource) = (binding.request.binding, &cores.states().resource);
    let region = binding.request.region.clone();
    Some(match (&binding.phase, resource.hold(id)) {
        (Phase::Associating, _) if resource.released_at(id).is_some() => {
            let (reason, message) = ("HOLD_RELEASED".into(), "it was let go".into());
            Message::ToBinding(ToBinding::Fail { binding: id, reason, message })
        }
        (Phase::Associating, None) => {
            let (eip, havip) = (binding.request.eip, binding.request.havip);
            Message::ToResource(ToResource::Hold(Hold {
                binding: id,
                eip,
                havip,
                project: None,
                moved_from: binding.request.moved_from,
                region,
                now: cores.now(),
            }))
        }
        (Phase::Associating, Some(held)) => {
            let eip = resource.eips().get(held.eip)?.facts.eip.clone();
            let havip = resource.havips().get(held.havip)?.facts.havip.clone();
            let left = binding.request.moved_from.and_then(|left| cores.states().binding.get(left));
            Message::ToBinding(match left.is_some_and(|left| !left.is_unfinished()) {
                true => ToBinding::Leave { binding: id, eip, havip },
                false => ToBinding::Confirm { binding: id, eip, havip },
            })
        }
        (Phase::Unassociating(_), _) if cores.states().binding.moving_to(id).is_some() => return None,
        (Phase::Unassociating(_), Some(_)) => {
            Message::ToResource(ToResource::ReleaseHold(ReleaseHold { binding: id, region }))
        }
        (Phase::Unassociating(_), None) => Message::ToBinding(ToBinding::Complete { binding: id }),
        (Phase::InUse(_) | Phase::Failed { .. }, _) => return None,
    })
}
