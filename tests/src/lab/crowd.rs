//! Many routers at once: a namespace for each VPC of a gateway, all with the same addresses, between one namespace that
//! is their outside and one that is the instances of all of them.
//!
//! ```text
//! outside ── c7:out0 ─ router 7 ─ in0:h7 ── instances
//! ```

use std::net::Ipv4Addr;

use anyhow::Result;

use super::namespace::ip_batch;
use super::{Namespace, cleanup, unique_prefix};

/// The outside's own address; what is sent from it reaches every EIP.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The pool of EIPs: the n-th router's are the n-th address, counted from 0.
pub const POOL: &str = "198.18.0.0/22";
/// The subnet of every VPC.
pub const SUBNET: &str = "10.0.1.0/24";
/// The HAVIP of every VPC, held by its only instance.
pub const HAVIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
/// The address of every VPC's only instance.
pub const INSTANCE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 11);

/// The routers. Dropping it removes every namespace.
pub struct Crowd {
    prefix: String,
    routers: Vec<Namespace>,
    /// Where clients are: `c0`, `c1`, … to each router.
    pub outside: Namespace,
    /// Every VPC's only instance, each behind a link of its own: `h0`, `h1`, …
    pub instances: Namespace,
}

impl Crowd {
    /// Builds that many, 1000 at most. Removes what dead processes left of theirs first.
    pub fn new(routers: usize) -> Result<Crowd> {
        cleanup::sweep_dead()?;
        let prefix = unique_prefix();
        let crowd = Crowd {
            routers: (0..routers).map(|n| Namespace::named(&prefix, &name(n))).collect(),
            outside: Namespace::named(&prefix, "outside"),
            instances: Namespace::named(&prefix, "instances"),
            prefix,
        };
        crowd.build()?;
        Ok(crowd)
    }

    /// Every router, in order. The n-th is for the VPC [`name`]d n.
    pub fn routers(&self) -> &[Namespace] {
        &self.routers
    }

    /// The operator's file.
    pub fn places(&self) -> String {
        let prefix = &self.prefix;
        format!(
            "[[vpc]]\nname = \"*\"\nnetns = \"{prefix}-{{name}}\"\ninside = \"in0\"\noutside = \"out0\"\n"
        )
    }

    /// Removes the n-th router, as an operator's mistake would.
    pub fn remove(&self, n: usize) -> Result<()> {
        ip_batch(&[], &format!("netns delete {}\n", self.routers[n].name()))
    }

    /// Makes the n-th router, again.
    pub fn make(&self, n: usize) -> Result<()> {
        ip_batch(&[], &format!("netns add {}\n", self.routers[n].name()))?;
        self.wire(n)
    }

    fn build(&self) -> Result<()> {
        let all = self.routers.iter().chain([&self.outside, &self.instances]);
        let adds: String = all.map(|ns| format!("netns add {}\n", ns.name())).collect();
        ip_batch(&[], &adds)?;
        for ns in [&self.outside, &self.instances] {
            set_kernel_parameters(ns, &[])?;
            ns.ip("link set lo up\n")?;
        }
        (0..self.routers.len()).try_for_each(|n| self.wire(n))
    }

    /// The router's links, from the inside of the router.
    fn wire(&self, n: usize) -> Result<()> {
        let (router, outside, instances) = (&self.routers[n], self.outside.name(), self.instances.name());
        set_kernel_parameters(router, &[("net.ipv4.ip_forward", "1")])?;
        let mac = mac(n);
        router.ip(&format!(
            "link add out0 type veth peer name c{n} netns {outside}\n\
             link add in0 type veth peer name h{n} address {mac} netns {instances}\n\
             link set lo up\nlink set out0 up\nlink set in0 up\n\
             address add 203.0.113.2/24 dev out0\naddress add 10.0.1.1/24 dev in0\n\
             route add default via {OUTSIDE}\n"
        ))?;
        self.outside.ip(&format!(
            "link set c{n} up\naddress add {OUTSIDE}/32 dev c{n}\nroute add {}/32 dev c{n} src {OUTSIDE}\n",
            eip(n)
        ))?;
        // The metrics tell the routes apart; a socket that is bound to a link finds the one of its link.
        let metric = n + 1;
        self.instances.ip(&format!(
            "link set h{n} up\naddress add {INSTANCE}/32 dev h{n}\naddress add {HAVIP}/32 dev h{n}\n\
             route add 10.0.1.1/32 dev h{n} metric {metric}\n\
             route add default via 10.0.1.1 dev h{n} metric {metric} onlink\n"
        ))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        cleanup::remove(self.routers.iter().chain([&self.outside, &self.instances]).map(Namespace::name));
    }
}

/// The display name of the n-th VPC.
pub fn name(n: usize) -> String {
    format!("vpc-{n}")
}

/// The n-th EIP, which the outside reaches through the n-th router.
pub fn eip(n: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + n as u32)
}

/// The MAC of the n-th VPC's instance.
pub fn mac(n: usize) -> String {
    format!("02:00:00:01:{:02x}:{:02x}", n / 256, n % 256)
}

fn set_kernel_parameters(ns: &Namespace, more: &[(&str, &str)]) -> Result<()> {
    let parameters = [
        ("net.ipv6.conf.all.disable_ipv6", "1"),
        ("net.ipv6.conf.default.disable_ipv6", "1"),
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.conf.default.rp_filter", "0"),
        ("net.ipv4.conf.all.send_redirects", "0"),
    ];
    ns.sysctls(parameters.iter().chain(more))
}
