//! The four services as processes of their own, over a durable JetStream stream.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use mooring_event_log::jetstream::{Servers, admin, connect::Login, durability::Durability};
use mooring_event_log::transfer::{Place, transfer};
use tokio::runtime::Runtime;

use super::binds::{self, Measured, Sizes, System};
use super::embedded;
use super::machine::Processes;
use super::program::Program;
use super::report::Report;
use crate::nats::NatsServer;
use crate::server::own_folder;

/// The services, in the order in which they can get ready.
pub const SERVICES: [&str; 4] =
    ["mooring-resource", "mooring-health", "mooring-binding", "mooring-dataplane-sync"];

/// What they are called together.
const NAME: &str = "four processes";

/// The four processes of a region.
pub struct Apart {
    programs: Vec<Program>,
}

/// Makes region `r1`'s JetStream stream, as `moor log init` does.
pub async fn make_log(nats: &NatsServer) -> Result<Servers> {
    let servers = Servers::parse("--log", &nats.url(), &Login::default())?;
    let connected = servers.connect("bench").await?;
    admin::init(&connected, "r1", 1).await.map_err(|error| anyhow!("{error}"))?;
    Ok(servers)
}

/// The same, with a log from segment files in it, as `moor log copy` does.
pub async fn copy_log(nats: &NatsServer, log: &Path) -> Result<()> {
    let servers = make_log(nats).await?;
    let to = Place::JetStream { servers, durability: Durability::Trusted, region: "r1".to_owned() };
    transfer(&Place::Files(log.to_owned()), &to, |_| {}).await?;
    Ok(())
}

impl Apart {
    /// Starts them one after the other, each with its data in a folder of its own.
    pub fn start(folder: &Path, nats: &NatsServer) -> Result<Apart> {
        Apart::start_at(folder, nats, None)
    }

    /// The same; the gateway has this file of places.
    pub fn start_at(folder: &Path, nats: &NatsServer, places: Option<&Path>) -> Result<Apart> {
        let mut apart = Apart { programs: Vec::new() };
        for service in SERVICES {
            let mut arguments = apart.arguments(service, folder, nats)?;
            if let Some(places) = places.filter(|_| service == "mooring-dataplane-sync") {
                arguments.extend(["--places".to_owned(), places.display().to_string()]);
            }
            apart.programs.push(Program::start(service, folder, &arguments)?);
        }
        Ok(apart)
    }

    /// How long the start of each took, in seconds.
    pub fn starts(&self) -> impl Iterator<Item = (&'static str, f64)> {
        SERVICES.into_iter().zip(self.programs.iter().map(|program| program.took.as_secs_f64()))
    }

    /// Each with the number of its process.
    pub fn processes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        SERVICES.into_iter().zip(self.programs.iter().map(Program::pid))
    }

    /// Has all of them end, the last one first.
    pub fn stop(self) -> Result<()> {
        self.programs.into_iter().rev().try_for_each(Program::stop)
    }

    fn arguments(&self, service: &str, folder: &Path, nats: &NatsServer) -> Result<Vec<String>> {
        let data = folder.join(service).to_str().context("a folder without a name")?.to_owned();
        let (log, monitor) = (nats.url(), nats.monitor());
        let mut arguments: Vec<String> = [
            "--listen",
            "127.0.0.1:0",
            "--region",
            "r1",
            "--data",
            &data,
            "--log",
            &log,
            "--nats-monitor",
            &monitor,
        ]
        .map(str::to_owned)
        .into();
        let url = |at: usize| format!("http://{}", self.programs[at].address);
        match service {
            "mooring-binding" => arguments.extend(["--resource".to_owned(), url(0)]),
            "mooring-dataplane-sync" => {
                let rest = ["--gateway", "gw-1", "--binding", &url(2), "--health", &url(1)];
                arguments.extend(rest.map(str::to_owned));
            }
            _ => {}
        }
        Ok(arguments)
    }
}

/// Measures them over this server, beside `peer`.
pub fn measure(
    runtime: &Runtime,
    nats: &NatsServer,
    sizes: &Sizes,
    peer: &[Measured],
    report: &mut Report,
) -> Result<()> {
    let folder = own_folder()?;
    runtime.block_on(make_log(nats))?;
    let apart = Apart::start(folder.path(), nats)?;
    let mut processes = Processes::default()
        .and("nats-server", nats.pid().context("nats-server does not run")?)
        .and("the clients", std::process::id());
    for (service, program) in SERVICES.iter().zip(&apart.programs) {
        processes = processes.and(*service, program.pid());
    }
    let (resource, binding) = (apart.programs[0].address.clone(), apart.programs[2].address.clone());
    let (bench, asked) = (super::JETSTREAM, super::ASKED);
    let system = System { bench, asked, name: NAME, resource, binding, processes };
    let measured = runtime.block_on(binds::measure(&system, sizes, Some((embedded::NAME, peer)), report));
    let logs = || apart.programs.iter().map(Program::log).collect::<Vec<_>>().join("\n  ");
    measured.map(drop).with_context(logs)
}
