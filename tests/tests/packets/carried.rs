//! A laboratory whose gateway carries a VPC: the kernel driver alone, without any service.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use anyhow::{Result, ensure};
use mooring_dataplane::{Driver as _, DropReason, Kernel, Place};
use mooring_domain::{
    Position,
    address::Mac,
    nat::{Actual, Op, VpcDesired, diff, wanted},
};
use mooring_tests::lab::{self, Lab, Namespace};

use crate::{bytes::Packet, walked::Witness};

/// For what must come.
pub const SOON: Duration = Duration::from_secs(2);
/// For what must not come.
pub const SHORT: Duration = Duration::from_millis(300);
pub const PORT: u16 = 7000;
/// Fronts [`lab::HAVIP`], which vm-a holds.
pub const EIP: Ipv4Addr = lab::FIRST_EIP;
/// Fronts [`lab::HAVIP_2`], which nobody holds.
pub const EIP_2: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 65);
/// Of the pool, and bound to nothing.
pub const FREE_EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

/// The laboratory, and the gateway's kernel equal to what is desired.
pub struct Carried {
    pub lab: Lab,
    pub kernel: Kernel,
    pub desired: VpcDesired,
    /// Compares the walk of each packet with what the kernel does.
    pub witness: Option<Witness>,
}

/// A story: an error says what did not hold.
pub type Story = fn(&mut Carried) -> Result<()>;

/// Tell a story in a laboratory of its own, and see that the walk of every packet in it says what the kernel did.
pub fn tell(story: Story) {
    let mut net = Carried::new().unwrap();
    story(&mut net).unwrap();
    net.agrees().unwrap();
}

/// The same with `hairpin = true` in the operator's file.
pub fn tell_tracked(story: Story) {
    let mut net = Carried::tracked().unwrap();
    story(&mut net).unwrap();
    net.agrees().unwrap();
}

impl Carried {
    pub fn new() -> Result<Self> {
        Self::with(false)
    }

    /// With `hairpin = true` in the operator's file.
    pub fn tracked() -> Result<Self> {
        Self::with(true)
    }

    fn with(hairpin: bool) -> Result<Self> {
        let lab = Lab::new()?;
        lab.vm_a.ip(&format!("address add {}/32 dev eth0", lab::HAVIP))?;
        let place = Place { hairpin, ..place(&lab.gateway) };
        let mut desired = VpcDesired::new("shop".parse()?, "front".parse()?, Position(1));
        desired.subnets.insert(lab::SUBNET.parse()?);
        desired.nat.insert(EIP.into(), lab::HAVIP.into());
        desired.nat.insert(EIP_2.into(), lab::HAVIP_2.into());
        desired.holders.insert(lab::HAVIP.into(), Some(lab::MAC_A.parse()?));
        desired.holders.insert(lab::HAVIP_2.into(), None);
        let mut carried = Self { kernel: Kernel::open(&place)?, lab, desired, witness: None };
        carried.reconcile()?;
        let state = carried.wanted()?;
        carried.witness = Some(Witness::start(&carried.lab.gateway, hairpin, &mut carried.kernel, state)?);
        Ok(carried)
    }

    /// What the kernel should have.
    pub fn wanted(&self) -> Result<Actual> {
        Ok(wanted(&self.desired, &BTreeSet::from([lab::EIP_POOL.parse()?]), true))
    }

    /// Whether the walk of every packet so far says what the kernel did.
    pub fn agrees(&mut self) -> Result<()> {
        self.witness.as_mut().map_or(Ok(()), |witness| witness.agrees(&mut self.kernel))
    }

    /// The gateway sends this of its own.
    pub fn sends(&mut self, packet: &Packet) {
        if let Some(witness) = &mut self.witness {
            witness.sent(packet.bytes());
        }
    }

    /// Here the walk and the kernel are not to be compared; why is said where it is called.
    pub fn blind(&mut self) {
        self.witness = None;
    }

    /// These steps alone, which bring about what is desired.
    pub fn steps(&mut self, ops: &[Op]) -> Result<()> {
        let state = self.wanted()?;
        let Self { kernel, witness, .. } = self;
        let mut apply = || Ok(kernel.apply(ops)?);
        match witness {
            Some(witness) => witness.change(state, apply),
            None => apply(),
        }
    }

    /// Make the gateway's kernel equal to what is desired.
    pub fn reconcile(&mut self) -> Result<()> {
        let pools = BTreeSet::from([lab::EIP_POOL.parse()?]);
        let ops = diff(&self.desired, &pools, &self.kernel.read()?);
        self.steps(&ops)?;
        let left = diff(&self.desired, &pools, &self.kernel.read()?);
        ensure!(left.is_empty(), "still to do: {left:?}");
        Ok(())
    }

    pub fn hold(&mut self, mac: Option<&str>) -> Result<()> {
        let mac: Option<Mac> = mac.map(str::parse).transpose()?;
        self.desired.holders.insert(lab::HAVIP.into(), mac);
        self.reconcile()
    }

    /// Send, and see so many more dropped for this reason, and none for another.
    pub fn drops(
        &mut self,
        reason: DropReason,
        count: u64,
        send: impl FnOnce(&Lab) -> Result<()>,
    ) -> Result<()> {
        let before = self.kernel.drops()?;
        send(&self.lab)?;
        let after = self.kernel.drops()?;
        for ((of, before), (_, after)) in before.into_iter().zip(after) {
            let expected = if of == reason { count } else { 0 };
            ensure!(
                after - before == expected,
                "{} dropped as {}, not {expected}",
                after - before,
                of.word()
            );
        }
        Ok(())
    }
}

pub fn place(gateway: &Namespace) -> Place {
    let netns = Some(gateway.name().to_owned());
    Place { netns, inside: "in0".to_owned(), outside: "out0".to_owned(), arp: true, hairpin: false }
}
