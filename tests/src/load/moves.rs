//! HAVIPs that move between the two instances: the address goes from the one and comes to the other, which announces it.

use std::net::Ipv4Addr;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;
use fastrand::Rng;

use crate::lab::{Lab, Namespace};

/// HAVIPs that move.
pub const MOVING: usize = 32;
/// The first of them, which clients bind; the others are bound by nobody, so that nothing but a start makes the gateway
/// ask for them.
pub const BOUND: usize = 24;
/// The HAVIP that stays with vm-a.
pub const UNTOUCHED: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
const PAUSE: Duration = Duration::from_millis(30);

/// The address of one that moves.
pub fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, 100 + index as u8)
}

/// Who has which, as this moved them.
pub struct Moves<'a> {
    vms: [&'a Namespace; 2],
    /// Which of them has it.
    at: Vec<usize>,
    made: u64,
    arpings: Vec<Child>,
}

impl<'a> Moves<'a> {
    /// Everything is with vm-a.
    pub fn create(lab: &'a Lab) -> Result<Moves<'a>> {
        let all = (0..MOVING).map(address).chain([UNTOUCHED]);
        let lines: String = all.map(|address| format!("address add {address}/24 dev eth0\n")).collect();
        lab.vm_a.ip(&lines)?;
        Ok(Moves { vms: [&lab.vm_a, &lab.vm_b], at: vec![0; MOVING], made: 0, arpings: Vec::new() })
    }

    /// Moves one after the other until then.
    pub fn until(&mut self, end: Instant, rng: &mut Rng) -> Result<()> {
        while Instant::now() + PAUSE < end {
            self.one(rng)?;
            std::thread::sleep(PAUSE);
        }
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        Ok(())
    }

    /// Moves one.
    pub fn one(&mut self, rng: &mut Rng) -> Result<()> {
        let index = rng.usize(..MOVING);
        let (from, to, address) = (self.at[index], 1 - self.at[index], address(index));
        self.vms[from].ip(&format!("address del {address}/24 dev eth0\n"))?;
        self.vms[to].ip(&format!("address add {address}/24 dev eth0\n"))?;
        self.at[index] = to;
        self.made += 1;
        // It announces at once, and goes on for a second to wait for nobody.
        let mut arping = self.vms[to].command("arping");
        arping.args(["-q", "-c", "1", "-U", "-I", "eth0"]).arg(address.to_string());
        let arping = arping.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        self.arpings.retain_mut(|arping| matches!(arping.try_wait(), Ok(None)));
        self.arpings.push(arping);
        Ok(())
    }

    /// How many so far.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// Every HAVIP that moves, and the instance that has it.
    pub fn now(&self) -> impl Iterator<Item = (Ipv4Addr, &'static str)> {
        self.at.iter().enumerate().map(|(index, vm)| (address(index), ["vm-a", "vm-b"][*vm]))
    }
}

impl Drop for Moves<'_> {
    fn drop(&mut self) {
        self.arpings.iter_mut().for_each(|arping| drop(arping.wait()));
    }
}
