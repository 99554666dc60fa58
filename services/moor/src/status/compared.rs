//! Gateways compared by the hash of what they put into their kernels, at positions that several of them reported, and with
//! the hash of what the fold wants there.

use std::collections::{BTreeMap, BTreeSet};

use mooring_proto::{binding::v1::Attestation, dataplane::v1::Status as Dataplane};
use serde_json::{Value, json};

use crate::{labels::Labels, resolve::last_part, wire};

/// Those who said something of one VPC at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The VPC's id.
    pub vpc: String,
    position: u64,
    /// Who, and the hash.
    said: BTreeMap<Who, Vec<u8>>,
}

/// Whose hash it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A gateway's kernel, by what was put there.
    Gateway(String),
    /// The fold of that gateway.
    FoldOf(String),
}

/// Position → who said what.
type Said = BTreeMap<u64, BTreeMap<Who, Vec<u8>>>;

/// Each gateway at the last position at which somebody else's hash is known.
pub fn compare(attestations: &[Attestation], asked: &[Dataplane]) -> Vec<Compared> {
    let mut vpcs: BTreeMap<String, Said> = BTreeMap::new();
    let mut say = |vpc: &str, position, who, hash: &[u8]| {
        let said = vpcs.entry(last_part(vpc).to_owned()).or_default();
        said.entry(position).or_default().insert(who, hash.to_vec());
    };
    for one in attestations {
        let gateway = Who::Gateway(last_part(&one.gateway).to_owned());
        say(&one.vpc, one.position, gateway, &one.hash);
    }
    for dataplane in asked {
        let gateway = last_part(&dataplane.gateway);
        for vpc in &dataplane.vpcs {
            for one in &vpc.attested {
                // What it says itself is newer than what it reported.
                say(&vpc.vpc, one.position, Who::Gateway(gateway.to_owned()), &one.hash);
                say(&vpc.vpc, one.position, Who::FoldOf(gateway.to_owned()), &one.folded_hash);
            }
        }
    }
    vpcs.into_iter().flat_map(|(vpc, said)| of_vpc(&vpc, said)).collect()
}

fn of_vpc(vpc: &str, said: Said) -> Vec<Compared> {
    let mut judged = BTreeSet::new();
    let mut compared = Vec::new();
    for (position, said) in said.into_iter().rev() {
        let gateways: Vec<_> = said.keys().filter_map(Who::gateway).map(str::to_owned).collect();
        // One fold stands for all folds; a gateway is compared with it, or with another gateway.
        let others = gateways.len() + usize::from(said.len() > gateways.len());
        if others > 1 && gateways.iter().any(|gateway| !judged.contains(gateway)) {
            judged.extend(gateways);
            compared.push(Compared { vpc: vpc.to_owned(), position, said });
        }
    }
    compared
}

impl Who {
    fn gateway(&self) -> Option<&str> {
        match self {
            Self::Gateway(name) => Some(name),
            Self::FoldOf(_) => None,
        }
    }
}

impl Compared {
    /// Whether all said the same.
    pub fn agrees(&self) -> bool {
        self.said.values().collect::<BTreeSet<_>>().len() == 1
    }

    /// For `moor status`: who agrees, or who does not.
    pub fn line(&self, labels: &Labels) -> String {
        let (vpc, position) = (labels.of(&self.vpc), self.position);
        match self.groups().as_slice() {
            [(who, hash)] => format!("VPC {vpc} at {position}: {who} agree ({hash})"),
            groups => {
                let said: Vec<_> = groups.iter().map(|(who, hash)| format!("{who}: {hash}")).collect();
                format!("VPC {vpc} at {position}: {}", said.join("; "))
            }
        }
    }

    /// That they differ.
    pub fn problem(&self, labels: &Labels) -> String {
        let said: Vec<_> = self.groups().iter().map(|(who, hash)| format!("{who}: {hash}")).collect();
        let (vpc, position) = (labels.of(&self.vpc), self.position);
        format!("VPC {vpc}: hashes differ at position {position}: {}", said.join("; "))
    }

    /// Those who said the same, with the hash.
    fn groups(&self) -> Vec<(String, String)> {
        let mut groups: BTreeMap<&[u8], Vec<String>> = BTreeMap::new();
        for (who, hash) in &self.said {
            groups.entry(hash).or_default().push(match who {
                Who::Gateway(name) => name.clone(),
                Who::FoldOf(name) => format!("the fold of {name}"),
            });
        }
        groups.into_iter().map(|(hash, who)| (who.join(", "), wire::hash(hash))).collect()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let said = self.said.iter().map(|(who, hash)| {
            let hash = wire::hash(hash);
            match who {
                Who::Gateway(name) => json!({"gateway": name, "hash": hash}),
                Who::FoldOf(name) => json!({"fold_of": name, "hash": hash}),
            }
        });
        json!({
            "vpc": self.vpc,
            "position": self.position,
            "agree": self.agrees(),
            "said": said.collect::<Value>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use mooring_proto::dataplane::v1::{Attested, VpcStatus};

    use super::*;

    fn said(gateway: &str, position: u64, hash: u8) -> Attestation {
        let gateway = format!("regions/r1/gateways/{gateway}");
        Attestation { gateway, vpc: "v".into(), position, hash: vec![hash; 16].into() }
    }

    fn asked(gateway: &str, attested: &[(u64, u8, u8)]) -> Dataplane {
        let attested = attested.iter().map(|(position, hash, folded)| Attested {
            position: *position,
            hash: vec![*hash; 16].into(),
            folded_hash: vec![*folded; 16].into(),
        });
        let vpc = VpcStatus {
            vpc: "projects/p/regions/r1/vpcs/v".into(),
            attested: attested.collect(),
            ..Default::default()
        };
        let gateway = format!("regions/r1/gateways/{gateway}");
        Dataplane { gateway, vpcs: vec![vpc], ..Default::default() }
    }

    fn lines(compared: &[Compared]) -> Vec<String> {
        compared.iter().map(|one| one.line(&Labels::default())).collect()
    }

    #[test]
    fn a_gateway_is_compared_at_the_last_position_that_another_reported_too() {
        let attestations = [said("gw-1", 7, 1), said("gw-1", 9, 2), said("gw-2", 7, 1), said("gw-2", 8, 5)];
        let compared = compare(&attestations, &[]);
        let ones = "01".repeat(16);
        assert_eq!(lines(&compared), [format!("VPC v at 7: gw-1, gw-2 agree ({ones})")]);
        let alone = compare(&[said("gw-1", 7, 1), said("gw-2", 8, 1)], &[]);
        assert_eq!(alone, [], "no position in common, so nothing to compare");
    }

    #[test]
    fn a_gateway_that_answers_is_compared_with_its_fold_and_one_that_is_behind_where_it_is() {
        let attestations = [said("gw-1", 9, 2), said("gw-2", 7, 6)];
        let compared = compare(&attestations, &[asked("gw-1", &[(7, 1, 1), (9, 2, 2)])]);
        let (ones, sixes, twos) = ("01".repeat(16), "06".repeat(16), "02".repeat(16));
        assert_eq!(
            lines(&compared),
            [
                format!("VPC v at 9: gw-1, the fold of gw-1 agree ({twos})"),
                format!("VPC v at 7: gw-1, the fold of gw-1: {ones}; gw-2: {sixes}"),
            ]
        );
        assert!(compared[0].agrees() && !compared[1].agrees());
    }

    #[test]
    fn a_kernel_that_is_not_what_its_fold_wants_is_told_also_when_nobody_else_is_there() {
        let compared = compare(&[], &[asked("gw-1", &[(9, 2, 3)])]);
        let problem = compared[0].problem(&Labels::default());
        assert!(problem.starts_with("VPC v: hashes differ at position 9: gw-1: 0202"), "{problem}");
        assert_eq!(compared[0].json()["agree"], false);
    }
}
