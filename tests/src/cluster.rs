//! Mooring as four kinds of processes over one NATS: to start, kill, pause and ask, all of it on loopback.

mod logs;
mod scene;
mod service;
mod ways;

use std::path::Path;

use anyhow::{Context, Result};
use mooring_event_log::jetstream::{self, admin, connect::Login};
use serde_json::Value;

pub use scene::Scene;
pub use service::Service;
pub use ways::{Peer, Ways};

use crate::client::Servers;
use crate::nats::{self, NatsServer};
use crate::server::{self, Answer, Refusal, own_folder};

/// One of the processes beside NATS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `mooring-resource`
    Resource,
    /// `mooring-binding`
    Binding,
    /// `mooring-health`
    Health,
    /// `mooring-dataplane-sync` of the gateway with this number, from 0 on.
    Gateway(usize),
}

/// A gateway: its name, and the operator's file of its VPCs.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// What its file of places says; nothing: no VPC lives here.
    pub places: String,
}

/// How a cluster is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its gateways. Default: `gw-1`, where no VPC lives.
    pub gateways: Vec<Gateway>,
    /// How NATS is started.
    pub nats: nats::Options,
    /// The environment of every process, on top of the test's own.
    pub environment: Vec<(String, String)>,
    /// Whether the processes ask each other and NATS through proxies. Default: no.
    pub proxies: bool,
}

impl Default for Options {
    fn default() -> Options {
        let gateway = Gateway { name: "gw-1".to_owned(), places: String::new() };
        let (nats, environment) = (nats::Options::default(), Vec::new());
        Options { gateways: vec![gateway], nats, environment, proxies: false }
    }
}

/// NATS and every process, for region `r1`. Dropping it kills them all, and says the end of each log if the test is
/// failing.
pub struct Cluster {
    // Before NATS: they die first.
    resource: Service,
    binding: Service,
    health: Service,
    gateways: Vec<Service>,
    /// What they share.
    pub nats: NatsServer,
    /// How they reach each other.
    pub ways: Ways,
    /// Removed after the processes were killed.
    _own_folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts one with one gateway, where no VPC lives, and waits until every process is ready.
    pub fn start() -> Result<Cluster> {
        Cluster::with(Options::default())
    }

    /// Starts one and waits until every process is ready. Every gateway has registered then: after that only the test
    /// writes, and an unbind waits for all of them.
    pub fn with(options: Options) -> Result<Cluster> {
        let mut cluster = Cluster::prepare(options)?;
        cluster.init()?;
        cluster.launch()?;
        Ok(cluster)
    }

    /// NATS alone, without the region's JetStream stream, and processes that are still to be started.
    pub fn prepare(options: Options) -> Result<Cluster> {
        let folder = own_folder()?;
        let nats = NatsServer::start_in(&made(folder.path(), "nats")?, options.nats)?;
        let mut ways = Ways::new(options.proxies);
        let mut service =
            |part: Part, name: &str, program: &str, peers: &[(Peer, &Service)], own: &[String]| {
                let log = format!("nats://{}", ways.way(part, Peer::Nats, &nats.address())?);
                let mut arguments =
                    words(["--region", "r1", "--log", &log, "--nats-monitor", &nats.monitor()]);
                for (peer, at) in peers {
                    let url = format!("http://{}", ways.way(part, *peer, at.address())?);
                    arguments.extend(words([&format!("--{peer:?}").to_lowercase(), &url]));
                }
                arguments.extend_from_slice(own);
                Service::new(program, &made(folder.path(), name)?, arguments, options.environment.clone())
            };
        let resource = service(Part::Resource, "resource", "mooring-resource", &[], &[])?;
        let peers = [(Peer::Resource, &resource)];
        let binding = service(Part::Binding, "binding", "mooring-binding", &peers, &[])?;
        let health = service(Part::Health, "health", "mooring-health", &[], &[])?;
        let peers = [(Peer::Binding, &binding), (Peer::Health, &health)];
        let mut gateways = Vec::new();
        for (number, Gateway { name, places }) in options.gateways.iter().enumerate() {
            let file = made(folder.path(), name)?.join("places.toml");
            std::fs::write(&file, places)?;
            let own = words(["--gateway", name, "--places", &file.display().to_string()]);
            gateways.push(service(Part::Gateway(number), name, "mooring-dataplane-sync", &peers, &own)?);
        }
        Ok(Cluster { resource, binding, health, gateways, nats, ways, _own_folder: folder })
    }

    /// Makes the region's JetStream stream, as an administrator.
    pub fn init(&self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let servers = jetstream::Servers::parse("--log", &self.nats.url(), &Login::default())?;
        runtime.block_on(async {
            let at = servers.connect("administrator").await?;
            admin::init(&at, "r1", 1).await?;
            Ok(())
        })
    }

    /// Starts every process that does not run, and waits until all are ready.
    pub fn launch(&mut self) -> Result<()> {
        let down = || self.parts().into_iter().filter(|part| self.part(*part).pid().is_none());
        let down: Vec<_> = down().collect();
        for part in &down {
            self.part_mut(*part).launch()?;
        }
        for part in down {
            self.part_mut(part).wait_started()?;
        }
        Ok(())
    }

    /// Every process beside NATS.
    pub fn parts(&self) -> Vec<Part> {
        let gateways = (0..self.gateways.len()).map(Part::Gateway);
        [Part::Resource, Part::Binding, Part::Health].into_iter().chain(gateways).collect()
    }

    /// One of them.
    pub fn part(&self, part: Part) -> &Service {
        match part {
            Part::Resource => &self.resource,
            Part::Binding => &self.binding,
            Part::Health => &self.health,
            Part::Gateway(number) => &self.gateways[number],
        }
    }

    /// One of them, to be killed or started.
    pub fn part_mut(&mut self, part: Part) -> &mut Service {
        match part {
            Part::Resource => &mut self.resource,
            Part::Binding => &mut self.binding,
            Part::Health => &mut self.health,
            Part::Gateway(number) => &mut self.gateways[number],
        }
    }

    /// Runs `moor` against it, for project `p1` in region `r1`; the first gateway answers for the log and for itself.
    pub fn moor(&self, line: &str) -> Result<Answer> {
        self.moor_at(0, line)
    }

    /// The same, with another gateway to answer for the log and for itself.
    pub fn moor_at(&self, gateway: usize, line: &str) -> Result<Answer> {
        let Servers { resource, binding, health, dataplane } = self.servers(gateway);
        let url = |address: String| format!("http://{address}");
        let servers = [
            ("MOORING_RESOURCE_SERVER", url(resource)),
            ("MOORING_BINDING_SERVER", url(binding)),
            ("MOORING_HEALTH_SERVER", url(health)),
            ("MOORING_DATAPLANE_SERVER", url(dataplane)),
        ];
        server::moor_with(&servers, line)
    }

    /// Where each service is, for a [`crate::Client`]; this gateway answers for the log and for itself.
    pub fn servers(&self, gateway: usize) -> Servers {
        let at = |service: &Service| service.address().to_owned();
        Servers {
            resource: at(&self.resource),
            binding: at(&self.binding),
            health: at(&self.health),
            dataplane: at(&self.gateways[gateway]),
        }
    }

    /// Runs `moor … -o json`, which must succeed, and returns what it said.
    pub fn ask(&self, line: &str) -> Result<Value> {
        self.moor(&format!("{line} -o json"))?.json()
    }

    /// Runs `moor … -o json`, which must be refused, and returns why it was.
    pub fn refuse(&self, line: &str) -> Result<Refusal> {
        self.moor(&format!("{line} -o json"))?.refusal()
    }

    /// The same things as [`crate::Mooringd::stock`].
    pub fn stock(&self) -> Result<()> {
        server::stock(|line| self.ask(line))
    }

    /// Every event of region `r1`, in order: its kind and its fields.
    pub fn events(&self) -> Result<Vec<(String, Value)>> {
        server::events(&self.moor("log -o json")?)
    }
}

fn made(folder: &Path, name: &str) -> Result<std::path::PathBuf> {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}
