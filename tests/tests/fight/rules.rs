//! What must hold of each event when it comes, given all that came before it.

use std::collections::{BTreeMap, BTreeSet};

use mooring_proto::event::v1::{EipFacts, HavipFacts, event::Kind};
use uuid::Uuid;

/// Where a binding is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Requested,
    Bound,
    Leaving,
    Gone,
    Failed,
}

/// One binding's life. Each event that it had has the position of its record.
#[derive(Clone, Debug)]
pub struct Life {
    pub eip: Uuid,
    pub havip: Uuid,
    /// The addresses, once it was bound.
    pub addresses: Option<(Vec<u8>, Vec<u8>)>,
    pub moved_from: Option<Uuid>,
    pub phase: Phase,
    pub requested: u64,
    pub bound: Option<u64>,
    pub leaving: Option<u64>,
    pub gone: Option<u64>,
    /// The revision of the binding that a move left, when it was asked for.
    pub left_at: Option<u64>,
}

/// The world according to the events so far.
#[derive(Default)]
pub struct Rules {
    pub lives: BTreeMap<Uuid, Life>,
    /// Which binding has taken an EIP: requested, bound or leaving; of a move the one that is left, until it is out.
    pub of_eip: BTreeMap<Uuid, Uuid>,
    pub of_havip: BTreeMap<Uuid, Uuid>,
    /// From the binding that is left to the one that its EIP moves to.
    moves: BTreeMap<Uuid, Uuid>,
    /// What each binding holds.
    pub holds: BTreeMap<Uuid, (Uuid, Uuid)>,
    released: BTreeSet<Uuid>,
}

type Ruled = Result<(), String>;

fn must(so: bool, otherwise: impl FnOnce() -> String) -> Ruled {
    if so { Ok(()) } else { Err(otherwise()) }
}

pub fn uuid(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).unwrap()
}

fn ids(eip: Option<&EipFacts>, havip: Option<&HavipFacts>) -> Option<(Uuid, Uuid)> {
    Some((uuid(&eip?.eip_id), uuid(&havip?.havip_id)))
}

impl Rules {
    pub fn event(&mut self, position: u64, event: &Kind) -> Ruled {
        match event {
            Kind::BindRequested(asked) => {
                let from = &asked.moved_from_binding_id;
                let from = (!from.is_empty()).then(|| uuid(from));
                let (eip, havip) = (uuid(&asked.eip_id), uuid(&asked.havip_id));
                self.requested(position, uuid(&asked.binding_id), (eip, havip), from)
            }
            Kind::HoldPlaced(held) => {
                let what = ids(held.eip.as_ref(), held.havip.as_ref()).ok_or("a hold of nothing")?;
                self.held(uuid(&held.binding_id), what)
            }
            Kind::Bound(bound) => {
                let (eip, havip) =
                    bound.eip.as_ref().zip(bound.havip.as_ref()).ok_or("bound, without facts")?;
                let what = (uuid(&eip.eip_id), uuid(&havip.havip_id));
                self.bound(position, uuid(&bound.binding_id), what)?;
                let octets = |address: &Option<mooring_proto::event::v1::Address>| {
                    address.as_ref().map(|address| address.octets.to_vec()).ok_or("an address is missing")
                };
                let addresses = Some((octets(&eip.address)?, octets(&havip.address)?));
                self.life(uuid(&bound.binding_id))?.addresses = addresses;
                Ok(())
            }
            Kind::UnbindRequested(unbind) => self.leaves(position, uuid(&unbind.binding_id)),
            Kind::HoldReleased(released) => self.released(uuid(&released.binding_id)),
            Kind::Unbound(unbound) => self.gone(position, uuid(&unbound.binding_id)),
            Kind::BindFailed(failed) => self.failed(uuid(&failed.binding_id)),
            _ => Ok(()),
        }
    }

    fn life(&mut self, binding: Uuid) -> Result<&mut Life, String> {
        self.lives.get_mut(&binding).ok_or_else(|| format!("{binding} was never asked for"))
    }

    fn phase(&self, binding: Uuid) -> Option<Phase> {
        self.lives.get(&binding).map(|life| life.phase)
    }

    /// The EIP is free, or its binding is the one that is left; the HAVIP is free.
    fn requested(&mut self, at: u64, binding: Uuid, what: (Uuid, Uuid), moved_from: Option<Uuid>) -> Ruled {
        let (eip, havip) = what;
        let taken_by = self.of_eip.get(&eip).copied();
        must(taken_by == moved_from, || format!("{eip} is taken by {taken_by:?}, not by {moved_from:?}"))?;
        let taken_by = self.of_havip.get(&havip);
        must(taken_by.is_none(), || format!("{havip} is taken by {taken_by:?}"))?;
        let mut left_at = None;
        if let Some(left) = moved_from {
            must(self.phase(left) == Some(Phase::Bound), || format!("{left} can't be left"))?;
            let twice = self.moves.insert(left, binding);
            must(twice.is_none(), || format!("{left} is left for {twice:?} too"))?;
            left_at = self.life(left)?.bound;
        } else {
            self.of_eip.insert(eip, binding);
        }
        self.of_havip.insert(havip, binding);
        let life = Life {
            eip,
            havip,
            addresses: None,
            moved_from,
            phase: Phase::Requested,
            requested: at,
            bound: None,
            leaving: None,
            gone: None,
            left_at,
        };
        let before = self.lives.insert(binding, life);
        must(before.is_none(), || format!("asked for before: {before:?}"))
    }

    /// A HAVIP is held by one. Of an EIP's holders all but one have left it, or are on their way to it: which, is only known
    /// with their requests, and looked at when one is bound.
    fn held(&mut self, binding: Uuid, what: (Uuid, Uuid)) -> Ruled {
        must(!self.released.contains(&binding), || "held after it was released".to_owned())?;
        let other = self.holds.iter().find(|(of, held)| **of != binding && held.1 == what.1);
        must(other.is_none(), || format!("{other:?} holds the HAVIP"))?;
        self.holds.insert(binding, what);
        Ok(())
    }

    /// It holds both; whatever else holds the EIP has been taken out by every gateway, or was never asked for.
    fn bound(&mut self, at: u64, binding: Uuid, what: (Uuid, Uuid)) -> Ruled {
        must(self.holds.get(&binding) == Some(&what), || format!("bound without its hold of {what:?}"))?;
        let life = self.life(binding)?;
        must(life.phase == Phase::Requested && (life.eip, life.havip) == what, || format!("{life:?}"))?;
        (life.phase, life.bound) = (Phase::Bound, Some(at));
        let from = life.moved_from;
        if let Some(left) = from {
            must(self.phase(left) == Some(Phase::Leaving), || format!("{left} has not left"))?;
            self.moves.remove(&left);
            self.of_eip.insert(what.0, binding);
        }
        let in_the_way = |(of, held): &(&Uuid, &(Uuid, Uuid))| {
            held.0 == what.0 && **of != binding && !matches!(self.phase(**of), None | Some(Phase::Leaving))
        };
        let double = self.holds.iter().find(in_the_way);
        must(double.is_none(), || format!("{double:?} holds the EIP too"))?;
        // What is bound holds: `released` sees to that.
        let holders = self.holds.keys().filter_map(|of| self.lives.get(of));
        let fronts =
            |life: &&Life| life.phase == Phase::Bound && (life.eip == what.0 || life.havip == what.1);
        let bound = holders.filter(fronts).count();
        must(bound == 1, || format!("{bound} bindings at once of {what:?}"))
    }

    fn leaves(&mut self, at: u64, binding: Uuid) -> Ruled {
        let life = self.life(binding)?;
        must(life.phase == Phase::Bound, || format!("{life:?}"))?;
        (life.phase, life.leaving) = (Phase::Leaving, Some(at));
        Ok(())
    }

    fn released(&mut self, binding: Uuid) -> Ruled {
        must(self.phase(binding) != Some(Phase::Bound), || "in use without a hold".to_owned())?;
        self.holds.remove(&binding);
        self.released.insert(binding);
        Ok(())
    }

    fn gone(&mut self, at: u64, binding: Uuid) -> Ruled {
        must(!self.holds.contains_key(&binding), || "gone, and holds".to_owned())?;
        let life = self.life(binding)?;
        must(life.phase == Phase::Leaving, || format!("{life:?}"))?;
        (life.phase, life.gone) = (Phase::Gone, Some(at));
        self.frees(binding)
    }

    fn failed(&mut self, binding: Uuid) -> Ruled {
        must(!self.holds.contains_key(&binding), || "failed, and holds".to_owned())?;
        let life = self.life(binding)?;
        must(life.phase == Phase::Requested, || format!("{life:?}"))?;
        life.phase = Phase::Failed;
        if let Some(left) = life.moved_from {
            self.moves.remove(&left);
        }
        self.frees(binding)
    }

    fn frees(&mut self, binding: Uuid) -> Ruled {
        self.of_eip.retain(|_, by| *by != binding);
        self.of_havip.retain(|_, by| *by != binding);
        Ok(())
    }
}
