//! Router namespaces that come and go: the gateway's own, and a second one with a VPC of the same addresses behind it.

use std::{net::Ipv4Addr, process::Command, time::Duration};

use anyhow::{Result, ensure};

use super::{Lab, Namespace, cleanup, topology};
use crate::wait::wait_for;

/// How long the kernel may take to end a namespace's links.
const PATIENCE: Duration = Duration::from_secs(5);
/// The MAC of the second VPC's only instance; its address is [`super::VM_A`].
pub const MAC_2: &str = "02:00:00:00:05:0a";

/// A second router on the outside segment, and an instance behind it. Removed when dropped.
pub struct Second {
    /// The router: `out0` (203.0.113.4), `in0` (the address of [`super::GATEWAY_INSIDE`]).
    pub gateway: Namespace,
    /// The instance; `eth0`.
    pub vm: Namespace,
}

impl Drop for Second {
    fn drop(&mut self) {
        cleanup::remove([self.gateway.name(), self.vm.name()]);
    }
}

impl Lab {
    /// Takes the gateway's namespace away; what has sockets in it keeps it alive without a name.
    pub fn remove_gateway(&self) -> Result<()> {
        let name = self.gateway.name();
        let done = Command::new("ip").args(["netns", "delete", name]).status()?;
        ensure!(done.success(), "deleting {name}: {done}");
        Ok(())
    }

    /// Makes a new namespace in the place of the one that was taken away, wired as that was.
    pub fn make_gateway(&self) -> Result<()> {
        wait_for("the links of the old gateway to be gone", PATIENCE, || {
            for end in [&self.core, &self.switch] {
                if end.output("ip link show dev gateway").is_ok() {
                    return Err(format!("{} still has its own", end.role()));
                }
            }
            Ok(())
        })?;
        topology::build_gateway(self)
    }

    /// A second router on the outside segment with a subnet of the same addresses behind it.
    pub fn second(&self) -> Result<Second> {
        let prefix = self.gateway.name().trim_end_matches("-gateway");
        let ns = |role| Namespace::named(prefix, role);
        let second = Second { gateway: ns("gateway-2"), vm: ns("vm-2") };
        topology::build_second(self, &second)?;
        Ok(second)
    }

    /// Moves an address from one instance to another, without telling anybody.
    pub fn move_address(&self, address: Ipv4Addr, from: &Namespace, to: &Namespace) -> Result<()> {
        from.ip(&format!("address del {address}/32 dev eth0"))?;
        to.ip(&format!("address add {address}/32 dev eth0"))
    }
}
