//! A pair of gateways run by separate processes over a NATS: EIP 203.0.113.70 fronts 10.0.1.50, which vm-a holds by
//! keepalived, with vm-b waiting for it.

use std::{io, net::Ipv4Addr};

use anyhow::{Context, Result, ensure};
use mooring_tests::{
    Cluster, Keepalived,
    cluster::{Gateway, Options, Part},
    lab::{self, Pair},
    probe::{Mode, Prober, TcpServer, UdpEcho, udp_ask},
    server::moor_with,
    wait_for,
};
use serde_json::Value;

use crate::lanes::*;

/// The EIP of these stories.
pub const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 70);

pub struct Stage {
    pub cluster: Cluster,
    pub on_a: Keepalived,
    pub on_b: Keepalived,
    _services: Vec<(UdpEcho, TcpServer)>,
    pub pair: Pair,
}

impl Stage {
    /// Both gateways carry the EIP.
    pub fn carrying() -> Result<Stage> {
        let pair = Pair::new()?;
        let mut cluster = cluster(&pair, 2)?;
        cluster.launch()?;
        Stage::carrying_with(pair, cluster)
    }

    /// The same, with a cluster that runs already.
    pub fn carrying_with(pair: Pair, cluster: Cluster) -> Result<Stage> {
        let lab = &pair.lab;
        let mut services = Vec::new();
        for (vm, address) in [(&lab.vm_a, lab::HAVIP), (&lab.vm_b, lab::HAVIP), (&lab.vm_b, lab::HAVIP_2)] {
            let (at, name) = (at(address), vm.role());
            services.push((UdpEcho::start(vm, at, name)?, TcpServer::start(vm, at, name, Mode::Echo)?));
        }
        cluster.stock()?;
        let on_a = lab.keepalived(&lab.vm_a, 150, lab::HAVIP)?;
        on_a.wait_holds(PATIENT)?;
        let on_b = lab.keepalived(&lab.vm_b, 100, lab::HAVIP)?;
        let stage = Stage { cluster, on_a, on_b, _services: services, pair };
        stage.cluster.ask("bind web front --wait")?;
        stage.wait_holder("vm-a")?;
        stage.wait_carried("vm-a")?;
        Ok(stage)
    }

    /// keepalived on vm-a is killed and its cable pulled out; what became of packets to the EIP until vm-b answers there.
    pub fn vm_a_dies(&mut self) -> Result<Total> {
        let lab = &self.pair.lab;
        let prober = Prober::start(&lab.client, &lanes(lab::CLIENT, EIP))?;
        prober.wait_answered(Some("vm-a"), SOON)?;
        self.on_a.kill9()?;
        lab.unplug(&lab.vm_a)?;
        prober.wait_answered(Some("vm-b"), PATIENT)?;
        Ok(total(&prober.finish()))
    }

    /// Waits until every gateway that runs agrees with the fold, each table read back.
    pub fn wait_agree(&self) -> Result<()> {
        for part in self.cluster.parts() {
            if let Part::Gateway(number) = part
                && self.cluster.part(part).pid().is_some()
            {
                wait_for(&format!("kernel and fold of gateway {number} to agree"), PATIENT, || {
                    match self.cluster.moor_at(number, "status --verify") {
                        Ok(answer) if answer.exit == 0 => Ok(()),
                        other => Err(format!("{other:?}")),
                    }
                })?;
            }
        }
        Ok(())
    }

    /// Waits until an instance answers at the EIP whichever way its packets take over the first two gateways, and lets
    /// them take every way afterwards.
    pub fn wait_carried(&self, instance: &str) -> Result<()> {
        for (inwards, outwards) in crate::both::WAYS {
            self.pair.way_in(&[inwards])?;
            self.pair.way_out(&[outwards])?;
            self.wait_who(instance)?;
        }
        self.pair.ways(&[0, 1])
    }

    /// Waits until an instance answers at the EIP.
    pub fn wait_who(&self, instance: &str) -> Result<()> {
        wait_for(&format!("{instance} to answer at the EIP"), PATIENT, || match self.who() {
            Ok(who) if who == instance => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// Who answers at the EIP.
    pub fn who(&self) -> io::Result<String> {
        Ok(udp_ask(&self.pair.lab.client, lab::CLIENT, at(EIP), b"who", SHORT)?.server)
    }

    /// Waits until Mooring says that an instance holds the HAVIP.
    pub fn wait_holder(&self, instance: &str) -> Result<()> {
        wait_for(&format!("{instance} to be the holder"), PATIENT, || {
            match self.cluster.ask("holder front") {
                Ok(holder) if holder["instance"] == instance => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    /// The binding of the EIP with this name.
    pub fn binding_of(&self, eip: &str) -> Result<Value> {
        let eip = self.cluster.ask(&format!("eip get {eip}"))?;
        let binding = eip["binding"].as_str().filter(|binding| !binding.is_empty());
        self.cluster.ask(&format!("binding get {}", binding.with_context(|| eip.to_string())?))
    }

    /// The gateways that have not applied what was decided about a binding last.
    pub fn waiting_for(&self, eip: &str) -> Result<Vec<String>> {
        let binding = self.binding_of(eip)?;
        let gateways = binding["gateways"].as_array().with_context(|| binding.to_string())?;
        let waiting = gateways.iter().filter(|gateway| gateway["applied"] != true);
        Ok(waiting.filter_map(|gateway| gateway["gateway"].as_str().map(str::to_owned)).collect())
    }

    pub fn wait_state(&self, eip: &str, state: &str) -> Result<()> {
        wait_for(&format!("{eip} to be {state}"), PATIENT, || {
            match self.cluster.ask(&format!("eip get {eip}")) {
                Ok(eip) if eip["state"] == state => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    /// Which HAVIP an EIP becomes in a gateway's kernel.
    pub fn translated(&self, gateway: usize, eip: Ipv4Addr) -> Option<String> {
        let router = &self.pair.gateways[gateway].namespace;
        let element = router.output(&format!("nft get element ip mooring eip_to_havip {{ {eip} }}")).ok()?;
        let (_, after) = element.split_once(&format!("{eip} : "))?;
        after.split_whitespace().next().map(str::to_owned)
    }

    /// Waits until an EIP becomes this in a gateway's kernel.
    pub fn wait_translated(&self, gateway: usize, eip: Ipv4Addr, havip: Option<Ipv4Addr>) -> Result<()> {
        let wanted = havip.map(|havip| havip.to_string());
        wait_for(&format!("{eip} to become {wanted:?} in gateway {gateway}"), PATIENT, || {
            let now = self.translated(gateway, eip);
            if now == wanted { Ok(()) } else { Err(format!("{now:?}")) }
        })
    }

    /// How many packets a gateway has dropped for this reason.
    pub fn dropped(&self, gateway: usize, reason: &str) -> Result<u64> {
        let listed = self.pair.gateways[gateway].namespace.output("nft list counters")?;
        let (_, after) = listed.split_once(&format!("counter {reason} ")).with_context(|| listed.clone())?;
        let count = after.split_whitespace().skip_while(|word| *word != "packets").nth(1);
        Ok(count.with_context(|| listed.clone())?.parse()?)
    }

    /// The translating table of a gateway as `nft` shows it, without counts.
    pub fn nat_table(&self, gateway: usize) -> Result<String> {
        let table = self.pair.gateways[gateway].namespace.output("nft -s list table ip mooring")?;
        ensure!(table.contains("eip_to_havip"), "that is not Mooring's table:\n{table}");
        Ok(table)
    }

    /// The gateways that have registered so far, by name, each as often as it did.
    pub fn registered(&self) -> Result<Vec<String>> {
        let events = self.cluster.events()?.into_iter().filter(|(kind, _)| kind == "gateway_registered");
        let mut names: Vec<_> =
            events.filter_map(|(_, fields)| fields["gateway"].as_str().map(str::to_owned)).collect();
        // Which of those that started together came first is nobody's business.
        names.sort_unstable();
        Ok(names)
    }
}

/// NATS and every process of so many gateways, none of which runs yet but NATS.
pub fn cluster(pair: &Pair, gateways: usize) -> Result<Cluster> {
    let gateway = |number: usize| Gateway { name: format!("gw-{}", number + 1), places: pair.places(number) };
    let gateways = (0..gateways).map(gateway).collect();
    let cluster = Cluster::prepare(Options { gateways, ..Options::default() })?;
    cluster.init()?;
    Ok(cluster)
}

/// Asks for something on a thread of its own, as a person would in another window, and goes on.
pub fn meanwhile<T>(
    stage: &Stage,
    line: &str,
    look: impl FnOnce(&Stage) -> Result<T>,
) -> Result<(T, mooring_tests::server::Answer)> {
    let servers = [
        ("MOORING_RESOURCE_SERVER", Part::Resource),
        ("MOORING_BINDING_SERVER", Part::Binding),
        ("MOORING_HEALTH_SERVER", Part::Health),
        ("MOORING_DATAPLANE_SERVER", Part::Gateway(0)),
    ];
    let servers =
        servers.map(|(name, part)| (name, format!("http://{}", stage.cluster.part(part).address())));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| moor_with(&servers, line));
        let looked = look(stage);
        let answer = asked.join().map_err(|_| anyhow::anyhow!("`moor {line}` panicked"))??;
        Ok((looked?, answer))
    })
}
