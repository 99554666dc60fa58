//! A laboratory whose gateway a `mooringd` runs: EIP 203.0.113.70 fronts 10.0.1.50, which vm-a has on its link and announced.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use anyhow::{Context, Result};
use mooring_tests::{
    Lab, Mooringd, Namespace, lab,
    probe::{ArpFrame, UdpEcho, mac_bytes, ping, send_frames, udp_ask},
    server::Options,
    wait_for,
};
use serde_json::Value;

/// For what may be slow on a busy machine.
pub const PATIENT: Duration = Duration::from_secs(30);
/// For what must not come.
pub const SHORT: Duration = Duration::from_millis(300);
pub const PORT: u16 = 7000;
pub const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 70);

pub struct Stage {
    pub server: Mooringd,
    _services: Vec<UdpEcho>,
    pub lab: Lab,
}

pub fn at(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, PORT)
}

/// The MAC of an instance.
pub fn mac_of(vm: &Namespace) -> [u8; 6] {
    mac_bytes(match vm.role() {
        "vm-a" => lab::MAC_A,
        "vm-b" => lab::MAC_B,
        _ => lab::MAC_C,
    })
    .unwrap()
}

impl Stage {
    /// vm-a holds it, and the EIP is carried.
    pub fn carrying() -> Result<Stage> {
        Stage::stocked()?.carries()
    }

    /// The same, with a gateway whose clock can be set.
    pub fn carrying_by_its_own_clock() -> Result<Stage> {
        Stage::carrying_with(Options { clock: true, ..Options::default() })
    }

    /// The same, with a gateway that is started like this.
    pub fn carrying_with(options: Options) -> Result<Stage> {
        let stage = Stage::with(options)?;
        stage.server.stock()?;
        stage.carries()
    }

    fn carries(self) -> Result<Stage> {
        self.take(&self.lab.vm_a, lab::HAVIP)?;
        self.server.ask("bind web front --wait")?;
        self.wait_carried("vm-a")?;
        self.wait_holder("front", "vm-a")?;
        Ok(self)
    }

    /// Everything is there, nothing is bound, and nobody has the HAVIP.
    pub fn stocked() -> Result<Stage> {
        let stage = Stage::empty()?;
        stage.server.stock()?;
        Ok(stage)
    }

    /// Nothing was made yet.
    pub fn empty() -> Result<Stage> {
        Stage::with(Options::default())
    }

    fn with(options: Options) -> Result<Stage> {
        let lab = Lab::new()?;
        let mut services = Vec::new();
        for vm in [&lab.vm_a, &lab.vm_b, &lab.host_c] {
            services.push(UdpEcho::start(vm, at(lab::HAVIP), vm.role())?);
        }
        let server = Mooringd::start(&lab, options)?;
        Ok(Stage { server, _services: services, lab })
    }

    /// A second HAVIP with the same members, which vm-a holds.
    pub fn second(&self) -> Result<()> {
        let havip = lab::HAVIP_2;
        self.server.ask(&format!(
            "havip create back --subnet web --address {havip} --member vm-a --member vm-b --damping off"
        ))?;
        self.take(&self.lab.vm_a, havip)?;
        self.wait_holder("back", "vm-a")
    }

    /// An instance has an address from now on, and says so once.
    pub fn take(&self, vm: &Namespace, havip: Ipv4Addr) -> Result<()> {
        self.have(vm, havip)?;
        self.announce(vm, havip)
    }

    /// An instance has an address from now on, and tells nobody.
    pub fn have(&self, vm: &Namespace, havip: Ipv4Addr) -> Result<()> {
        vm.ip(&format!("address replace {havip}/32 dev eth0"))
    }

    /// An instance has an address no more.
    pub fn leave(&self, vm: &Namespace, havip: Ipv4Addr) -> Result<()> {
        vm.ip(&format!("address del {havip}/32 dev eth0"))
    }

    /// An instance announces an address, once.
    pub fn announce(&self, vm: &Namespace, havip: Ipv4Addr) -> Result<()> {
        send_frames(vm, &[ArpFrame::gratuitous(mac_of(vm), havip).bytes()])
    }

    /// An instance has an address from now on, and says so until it is heard: a storm may drown a single announcement.
    pub fn take_until_heard(&self, vm: &Namespace, havip: Ipv4Addr, name: &str) -> Result<()> {
        self.have(vm, havip)?;
        wait_for(&format!("{} to hold {name}", vm.role()), PATIENT, || {
            self.announce(vm, havip).map_err(|error| format!("{error:#}"))?;
            match self.holder(name) {
                Ok(holder) if holder["instance"] == vm.role() => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    /// Who answers at the EIP.
    pub fn who(&self) -> io::Result<String> {
        Ok(udp_ask(&self.lab.client, lab::CLIENT, at(EIP), b"who", SHORT)?.server)
    }

    /// Waits until an instance answers at the EIP.
    pub fn wait_carried(&self, instance: &str) -> Result<()> {
        wait_for(&format!("{instance} to answer at the EIP"), PATIENT, || match self.who() {
            Ok(who) if who == instance => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// Waits until what an instance sends from the HAVIP reaches the client, and is answered.
    pub fn wait_sends(&self, vm: &Namespace) -> Result<()> {
        wait_for(&format!("{} to reach the client", vm.role()), PATIENT, || {
            ping(vm, lab::HAVIP, lab::CLIENT, 56, SHORT).map(drop).map_err(|error| error.to_string())
        })
    }

    /// What Mooring says of a HAVIP's holder.
    pub fn holder(&self, havip: &str) -> Result<Value> {
        self.server.ask(&format!("holder {havip}"))
    }

    /// Waits until Mooring says that an instance holds the HAVIP.
    pub fn wait_holder(&self, havip: &str, instance: &str) -> Result<()> {
        wait_for(&format!("{instance} to hold {havip}"), PATIENT, || match self.holder(havip) {
            Ok(holder) if holder["instance"] == instance => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// Waits until Mooring says this of a HAVIP.
    pub fn wait_state(&self, havip: &str, state: &str) -> Result<()> {
        wait_for(&format!("{havip} to be {state}"), PATIENT, || match self.holder(havip) {
            Ok(holder) if holder["state"] == state => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// The MAC to which the gateway's kernel sends what is for the HAVIP.
    pub fn neighbour(&self) -> String {
        let shown = self.lab.gateway.output(&format!("ip neigh show {} dev in0", lab::HAVIP)).unwrap();
        let mac = shown.split_whitespace().skip_while(|word| *word != "lladdr").nth(1);
        mac.unwrap_or_default().to_owned()
    }

    /// Waits until kernel and fold agree, every table read back.
    pub fn wait_agree(&self) -> Result<()> {
        wait_for("kernel and fold to agree", PATIENT, || match self.server.moor("status --verify") {
            Ok(answer) if answer.exit == 0 => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// The translating table as `nft` shows it, without counts.
    pub fn nat_table(&self) -> Result<String> {
        self.lab.gateway.output("nft -s list table ip mooring")
    }

    /// How many events of a kind there are.
    pub fn count(&self, kind: &str) -> Result<usize> {
        Ok(self.server.events()?.iter().filter(|(of, _)| of == kind).count())
    }

    /// The events about holders so far, in order, by their kinds.
    pub fn kinds_of_holders(&self) -> Result<Vec<String>> {
        let kinds = self.server.events()?.into_iter().map(|(kind, _)| kind);
        Ok(kinds.filter(|kind| kind.starts_with("holder_")).collect())
    }

    /// How many packets the gateway has dropped for this reason.
    pub fn dropped_packets(&self, reason: &str) -> Result<u64> {
        let listed = self.lab.gateway.output("nft list counters")?;
        let (_, after) = listed.split_once(&format!("counter {reason} ")).with_context(|| listed.clone())?;
        let count = after.split_whitespace().skip_while(|word| *word != "packets").nth(1);
        Ok(count.with_context(|| listed.clone())?.parse()?)
    }

    /// The only value of a metric.
    pub fn metric(&self, name: &str) -> Result<u64> {
        let metrics = self.server.metrics()?;
        let line = metrics.lines().find(|line| line.starts_with(name)).with_context(|| metrics.clone())?;
        Ok(line.rsplit(' ').next().context("a metric without a value")?.parse()?)
    }

    /// Waits until a metric is at least so much.
    pub fn wait_metric(&self, name: &str, least: u64) -> Result<()> {
        wait_for(&format!("{name} to be {least}"), PATIENT, || match self.metric(name) {
            Ok(value) if value >= least => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// Claims that the gateway did not look at for this reason.
    pub fn dropped_claims(&self, reason: &str) -> Result<u64> {
        let metrics = self.server.metrics()?;
        let wanted = format!("reason=\"{reason}\"");
        let is_it = |line: &&str| line.starts_with("mooring_dropped_claims_total") && line.contains(&wanted);
        let line = metrics.lines().find(is_it).with_context(|| metrics.clone())?;
        Ok(line.rsplit(' ').next().context("a metric without a value")?.parse()?)
    }
}
