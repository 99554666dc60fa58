//! What is measured: a gateway and a plain router beside it, the services and NATS as processes of their own, and EIPs
//! that front HAVIPs with two members.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mooring_proto::resource::v1::{Subnet, Vnic};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::Client;
use crate::cluster::{Cluster, Gateway, Options, Part};
use crate::lab::{self, Lab};
use crate::usage::usage;
use crate::wait::wait_for;

/// For what should happen at once and may be slow on a busy machine.
pub const PATIENT: Duration = Duration::from_secs(30);
/// Calls at once.
const AT_ONCE: usize = 32;
/// The services that are killed when the control plane is to be away.
const SERVICES: [Part; 3] = [Part::Resource, Part::Binding, Part::Health];

/// See the module. Fields are dropped in this order: the processes before the laboratory.
pub struct Scene {
    /// The services, and one gateway.
    pub cluster: Cluster,
    /// Where packets pass.
    pub lab: Lab,
}

impl Scene {
    /// An EIP out of the pool is bound to each HAVIP; vm-a and vm-b are members of all. Nothing damps their moves.
    pub fn set(pool: &str, subnet: &str, havips: &[Ipv4Addr]) -> Result<Scene> {
        let lab = Lab::new()?;
        let gateway = Gateway { name: "gw-1".to_owned(), places: lab.places() };
        let cluster = Cluster::with(Options { gateways: vec![gateway], ..Options::default() })?;
        let scene = Scene { cluster, lab };
        let runtime = Runtime::new()?;
        runtime.block_on(stock(scene.client(&runtime)?, pool, subnet, havips))?;
        scene.wait_settled()?;
        Ok(scene)
    }

    /// Both members have the HAVIP on their link all the time, and answer for it only when somebody says so for them: what
    /// is measured is the gateway alone.
    pub fn both_have_it(&self) -> Result<()> {
        for vm in [&self.lab.vm_a, &self.lab.vm_b] {
            vm.sysctl("net.ipv4.conf.eth0.arp_ignore", "8")?;
            vm.ip(&format!("address replace {}/32 dev eth0", lab::HAVIP))?;
        }
        Ok(())
    }

    /// Kills the three services and NATS: nobody is there to be told.
    pub fn kill_the_control_plane(&mut self) -> Result<()> {
        self.cluster.nats.kill9()?;
        SERVICES.into_iter().try_for_each(|part| self.cluster.part_mut(part).kill9())
    }

    /// Waits until the gateway's kernel, read back, is as the log says, with nothing decided by itself.
    pub fn wait_settled(&self) -> Result<()> {
        wait_for("kernel and log to agree", PATIENT, || match self.cluster.moor("status --verify") {
            Ok(said) if said.exit == 0 && !said.out.contains("health has not decided") => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// A client of all services.
    pub fn client(&self, runtime: &Runtime) -> Result<Client> {
        Ok(runtime.block_on(async { Client::of(&self.cluster.servers(0)) })?)
    }

    /// What the gateway's process has in memory, in MB.
    pub fn gateway_memory(&self) -> Result<f64> {
        let pid = self.cluster.part(Part::Gateway(0)).pid().context("the gateway does not run")?;
        Ok(usage(pid)?.rss as f64 / f64::from(1 << 20))
    }

    /// How many events of a kind the log has.
    pub fn count(&self, kind: &str) -> Result<usize> {
        let log = self.cluster.moor(&format!("log --kind {kind} -o json"))?;
        ensure!(log.exit == 0, "{}", log.error);
        Ok(crate::server::events(&log)?.iter().filter(|(found, _)| found == kind).count())
    }
}

async fn stock(client: Client, pool: &str, subnet: &str, havips: &[Ipv4Addr]) -> Result<()> {
    client.pool(pool).await?;
    let vpc = client.vpc("blue").await?;
    let subnet = client.subnet(&vpc, "web", subnet).await?;
    let vm_a = client.vnic(&subnet, "vm-a", lab::MAC_A, &lab::VM_A.to_string()).await?;
    let vm_b = client.vnic(&subnet, "vm-b", lab::MAC_B, &lab::VM_B.to_string()).await?;
    let mut making = JoinSet::new();
    for some in havips.chunks(havips.len().div_ceil(AT_ONCE)) {
        let members = [vm_a.clone(), vm_b.clone()];
        making.spawn(bind(client.clone(), subnet.clone(), members, some.to_vec()));
    }
    while let Some(made) = making.join_next().await {
        made??;
    }
    Ok(())
}

async fn bind(client: Client, subnet: Subnet, members: [Vnic; 2], havips: Vec<Ipv4Addr>) -> Result<()> {
    let [a, b] = &members;
    for address in havips {
        let (name, at) = (format!("havip-{}", address.to_bits()), address.to_string());
        let havip = client.havip(&subnet, &name, &at, &[a, b]).await.context("a HAVIP")?;
        let eip = client.eip().await.context("an EIP")?;
        client.bind_stored(&eip.name, &havip.name, Uuid::now_v7()).await.context("a bind")?;
    }
    Ok(())
}
