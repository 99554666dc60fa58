//! The rules of a cell: a few EIPs and HAVIPs that are bound to each other and to nothing else. A bind and an unbind have
//! two steps, as they have for everybody who looks: requested, then done. A look has one.

/// Where an EIP is on its way, as a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// No binding has it.
    Available,
    /// Requested, not yet bound.
    Associating,
    /// Bound.
    InUse,
    /// Being unbound.
    Unassociating,
}

/// What a client asks. EIPs and HAVIPs are numbered within the cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Bind.
    Bind {
        /// This EIP …
        eip: usize,
        /// … to this HAVIP.
        havip: usize,
    },
    /// Unbind.
    Unbind {
        /// Whatever this EIP fronts.
        eip: usize,
    },
    /// Read an EIP.
    Eip(usize),
    /// Read a HAVIP.
    Havip(usize),
    /// Read every binding.
    Bindings,
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The EIP fronts another HAVIP.
    EipTaken,
    /// Another EIP fronts the HAVIP.
    HavipTaken,
    /// The EIP is on its way.
    EipInTransition,
    /// The HAVIP is on its way with another EIP.
    HavipInTransition,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Bound; or unbound.
    Done,
    /// A bind: it was bound, and has been unbound since.
    UnboundSince,
    /// Nothing has changed.
    Refused(Why),
    /// The EIP read.
    Eip(Phase),
    /// Whether a binding holds the HAVIP read.
    Havip {
        /// It does.
        held: bool,
    },
    /// The bindings read: EIP, HAVIP, where it is on its way; in the order of the EIPs.
    Bindings(Vec<(usize, usize, Phase)>),
}

/// The truth about an EIP: what it is bound to, and which operation is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Eip {
    Available,
    Associating { havip: usize, by: usize },
    InUse { havip: usize },
    Unassociating { havip: usize, by: usize },
}

impl Eip {
    fn phase(self) -> Phase {
        match self {
            Eip::Available => Phase::Available,
            Eip::Associating { .. } => Phase::Associating,
            Eip::InUse { .. } => Phase::InUse,
            Eip::Unassociating { .. } => Phase::Unassociating,
        }
    }

    fn havip(self) -> Option<usize> {
        match self {
            Eip::Available => None,
            Eip::Associating { havip, .. } | Eip::InUse { havip } | Eip::Unassociating { havip, .. } => {
                Some(havip)
            }
        }
    }
}

/// The truth about a cell: one for each EIP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Cell(pub(super) Vec<Eip>);

/// How many steps an operation has; a call without an answer may stop after any of them.
pub(super) fn steps(call: Call, answer: Option<&Answer>) -> u8 {
    match (call, answer) {
        (Call::Bind { .. } | Call::Unbind { .. }, None | Some(Answer::Done | Answer::UnboundSince)) => 2,
        _ => 1,
    }
}

impl Cell {
    /// Nothing is bound.
    pub(super) fn free(eips: usize) -> Cell {
        Cell(vec![Eip::Available; eips])
    }

    /// The cell after step number `step` of operation `by`; `None` where that step can't happen now, or would not be
    /// answered like this. A call without an answer takes only steps that change something.
    pub(super) fn after(&self, by: usize, step: u8, call: Call, answer: Option<&Answer>) -> Option<Cell> {
        match (call, answer) {
            (Call::Bind { eip, havip }, None | Some(Answer::Done | Answer::UnboundSince)) => {
                let next = self.bind(by, step, eip, havip)?;
                self.changed(eip, next, answer)
            }
            (Call::Unbind { eip }, None | Some(Answer::Done)) => {
                let next = self.unbind(by, step, eip)?;
                self.changed(eip, next, answer)
            }
            (call, Some(answer)) => self.tells(call, answer).then(|| self.clone()),
            (_, None) => None,
        }
    }

    fn changed(&self, eip: usize, next: Eip, answer: Option<&Answer>) -> Option<Cell> {
        if answer.is_none() && self.0[eip] == next {
            return None;
        }
        let mut cell = self.clone();
        cell.0[eip] = next;
        Some(cell)
    }

    fn bind(&self, by: usize, step: u8, eip: usize, havip: usize) -> Option<Eip> {
        let now = self.0[eip];
        match (step, now) {
            (0, Eip::Available) if self.fronted_by(havip).is_none() => Some(Eip::Associating { havip, by }),
            // The pair is there, or about to be, by somebody else's bind.
            (0, Eip::Associating { .. } | Eip::InUse { .. }) if now.havip() == Some(havip) => Some(now),
            (0, _) => None,
            (_, Eip::Associating { havip, by: its }) if its == by => Some(Eip::InUse { havip }),
            (_, Eip::Associating { havip: of, .. }) if of == havip => None,
            _ => Some(now),
        }
    }

    fn unbind(&self, by: usize, step: u8, eip: usize) -> Option<Eip> {
        let now = self.0[eip];
        match (step, now) {
            (0, Eip::InUse { havip }) => Some(Eip::Unassociating { havip, by }),
            (0, Eip::Available | Eip::Unassociating { .. }) => Some(now),
            (0, Eip::Associating { .. }) => None,
            (_, Eip::Unassociating { by: its, .. }) if its == by => Some(Eip::Available),
            // Somebody else's unbind is waited for.
            (_, Eip::Unassociating { .. }) => None,
            _ => Some(now),
        }
    }

    fn fronted_by(&self, havip: usize) -> Option<Eip> {
        self.0.iter().copied().find(|eip| eip.havip() == Some(havip))
    }

    /// Whether this answer is right now, and changes nothing.
    fn tells(&self, call: Call, answer: &Answer) -> bool {
        match (call, answer) {
            (Call::Bind { eip, havip }, Answer::Refused(why)) => self.refuses_bind(eip, havip) == Some(*why),
            (Call::Unbind { eip }, Answer::Refused(why)) => {
                *why == Why::EipInTransition && self.0[eip].phase() == Phase::Associating
            }
            (Call::Eip(eip), Answer::Eip(phase)) => self.0[eip].phase() == *phase,
            (Call::Havip(havip), Answer::Havip { held }) => match self.fronted_by(havip).map(Eip::phase) {
                None => !held,
                Some(Phase::InUse) => *held,
                // The hold comes after the request and goes before the end.
                Some(_) => true,
            },
            (Call::Bindings, Answer::Bindings(told)) => *told == self.bindings(),
            _ => false,
        }
    }

    /// What stays in the way comes before what a retry may find gone.
    fn refuses_bind(&self, eip: usize, havip: usize) -> Option<Why> {
        let (its, of_havip) = (self.0[eip], self.fronted_by(havip));
        let other = of_havip.filter(|_| its.havip() != Some(havip));
        match (its.phase(), other.map(Eip::phase)) {
            (Phase::InUse, _) if its.havip() != Some(havip) => Some(Why::EipTaken),
            (_, Some(Phase::InUse)) => Some(Why::HavipTaken),
            (Phase::Unassociating, _) => Some(Why::EipInTransition),
            (Phase::Associating, _) if its.havip() != Some(havip) => Some(Why::EipInTransition),
            (Phase::Available, Some(_)) => Some(Why::HavipInTransition),
            _ => None,
        }
    }

    fn bindings(&self) -> Vec<(usize, usize, Phase)> {
        let all = self.0.iter().enumerate();
        all.filter_map(|(number, eip)| Some((number, eip.havip()?, eip.phase()))).collect()
    }
}
