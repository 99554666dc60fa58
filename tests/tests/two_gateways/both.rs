//! Two gateways that carry the same: the kernel drivers alone, without any service.

use std::{collections::BTreeSet, net::Ipv4Addr};

use anyhow::{Result, ensure};
use mooring_dataplane::{Driver as _, Kernel, Place};
use mooring_domain::{
    Position,
    nat::{VpcDesired, diff},
};
use mooring_tests::lab::{self, Namespace, Pair};

/// Fronts [`lab::HAVIP`], which vm-a holds.
pub const EIP: Ipv4Addr = lab::FIRST_EIP;
/// Fronts [`lab::HAVIP_2`], which vm-b holds.
pub const EIP_2: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 65);

/// Every way of a flow over two gateways: in by the first, out by the second.
pub const WAYS: [(usize, usize); 4] = [(0, 0), (0, 1), (1, 1), (1, 0)];

/// The laboratory, and both kernels equal to the same.
pub struct Both {
    pub pair: Pair,
    kernels: Vec<Kernel>,
}

impl Both {
    pub fn carrying() -> Result<Both> {
        Both::carrying_with(false)
    }

    /// With `hairpin` as in the operator's file.
    pub fn carrying_with(hairpin: bool) -> Result<Both> {
        Both::carrying_in(Pair::new()?, hairpin)
    }

    pub fn carrying_in(pair: Pair, hairpin: bool) -> Result<Both> {
        pair.lab.vm_a.ip(&format!("address add {}/32 dev eth0", lab::HAVIP))?;
        pair.lab.vm_b.ip(&format!("address add {}/32 dev eth0", lab::HAVIP_2))?;
        let desired = desired()?;
        let pools = BTreeSet::from([lab::EIP_POOL.parse()?]);
        let mut kernels = Vec::new();
        for gateway in &pair.gateways {
            let place = Place { hairpin, ..place(&gateway.namespace) };
            let mut kernel = Kernel::open(&place)?;
            let steps = diff(&desired, &pools, &kernel.read()?);
            kernel.apply(&steps)?;
            let left = diff(&desired, &pools, &kernel.read()?);
            // `desired` knows nothing of places: the routes that answer ARP are left out here.
            ensure!(left.iter().all(|step| format!("{step:?}").contains("Route")), "still to do: {left:?}");
            kernels.push(kernel);
        }
        Ok(Both { pair, kernels })
    }

    /// How many packets each gateway has dropped, for whatever reason.
    pub fn dropped(&mut self) -> Result<Vec<u64>> {
        let sum = |kernel: &mut Kernel| Ok(kernel.drops()?.iter().map(|(_, packets)| packets).sum());
        self.kernels.iter_mut().map(sum).collect()
    }
}

fn desired() -> Result<VpcDesired> {
    let mut desired = VpcDesired::new("shop".parse()?, "front".parse()?, Position(1));
    desired.subnets.insert(lab::SUBNET.parse()?);
    desired.nat.insert(EIP.into(), lab::HAVIP.into());
    desired.nat.insert(EIP_2.into(), lab::HAVIP_2.into());
    desired.holders.insert(lab::HAVIP.into(), Some(lab::MAC_A.parse()?));
    desired.holders.insert(lab::HAVIP_2.into(), Some(lab::MAC_B.parse()?));
    Ok(desired)
}

/// A gateway's namespace, to which EIPs are routed.
pub fn place(gateway: &Namespace) -> Place {
    let netns = Some(gateway.name().to_owned());
    Place { netns, inside: "in0".to_owned(), outside: "out0".to_owned(), arp: false, hairpin: false }
}

/// A rule of somebody else's that turns connection tracking on in every gateway, and counts.
pub fn track(pair: &Pair) -> Result<()> {
    for gateway in &pair.gateways {
        for command in [
            "add table ip theirs",
            "add chain ip theirs forward { type filter hook forward priority 0 ; }",
            "add rule ip theirs forward ct state != untracked counter",
            "add rule ip theirs forward ct state untracked counter",
        ] {
            gateway.namespace.output(&format!("nft {command}"))?;
        }
    }
    Ok(())
}

/// How many packets a gateway has passed on: tracked, and untracked.
pub fn tracked(gateway: &Namespace) -> Result<(u64, u64)> {
    let listed = gateway.output("nft list chain ip theirs forward")?;
    let packets =
        |line: &str| line.split_whitespace().skip_while(|word| *word != "packets").nth(1)?.parse().ok();
    let counted: Vec<u64> = listed.lines().filter_map(packets).collect();
    ensure!(counted.len() == 2, "{listed}");
    Ok((counted[0], counted[1]))
}
