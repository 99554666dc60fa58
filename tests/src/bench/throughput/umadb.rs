//! The peer: UmaDB, a store of events for conditional appends, over its own gRPC. `cargo xtask bench throughput` installs
//! its server, built from its crate, beside this workspace's programs.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tonic::transport::Endpoint;
use uuid::Uuid;

use crate::bench::calls::{self, Amount, Calls};
use crate::bench::echo::unary;
use crate::bench::machine::Processes;
use crate::bench::rush;
use crate::channel::{Channel, connect};
use crate::lab::{track, untrack};
use crate::server::{own_folder, program};
use crate::wait::wait_for;

/// What it is called beside our figures.
pub const NAME: &str = "UmaDB";
const METHOD: &str = "/umadb.v1.DCB/Append";
const BYTES: usize = 200;
const PATIENCE: Duration = Duration::from_secs(10);

/// Of its API as much as an append needs.
mod v1 {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Event {
        #[prost(string, tag = "1")]
        pub event_type: String,
        #[prost(string, repeated, tag = "2")]
        pub tags: Vec<String>,
        #[prost(bytes = "vec", tag = "3")]
        pub data: Vec<u8>,
        #[prost(string, tag = "4")]
        pub uuid: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct QueryItem {
        #[prost(string, repeated, tag = "1")]
        pub types: Vec<String>,
        #[prost(string, repeated, tag = "2")]
        pub tags: Vec<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Query {
        #[prost(message, repeated, tag = "1")]
        pub items: Vec<QueryItem>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct AppendCondition {
        #[prost(message, optional, tag = "1")]
        pub fail_if_events_match: Option<Query>,
        #[prost(uint64, optional, tag = "2")]
        pub after: Option<u64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct AppendRequest {
        #[prost(message, repeated, tag = "1")]
        pub events: Vec<Event>,
        #[prost(message, optional, tag = "2")]
        pub condition: Option<AppendCondition>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct AppendResponse {
        #[prost(uint64, tag = "1")]
        pub position: u64,
    }
}

/// Its server. Dropping it kills it.
struct UmaDb {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl UmaDb {
    fn start() -> Result<UmaDb> {
        let folder = own_folder()?;
        // It says nothing of a port that it chose itself.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.to_string();
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(installed()?)
            .args(["--listen", &address, "--db-path"])
            .arg(folder.path().join("uma.db"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        track(process.id());
        let started = UmaDb { process, address, _folder: folder };
        wait_for("UmaDB to listen", PATIENCE, || {
            std::net::TcpStream::connect(&started.address).map_err(|error| error.to_string())
        })?;
        Ok(started)
    }
}

impl Drop for UmaDb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        untrack(self.process.id());
    }
}

/// Beside the folder of this workspace's programs.
fn installed() -> Result<PathBuf> {
    let programs = program("bench")?;
    let target = programs.ancestors().nth(2).context("a program without a target folder")?;
    let path = target.join("peers/bin/umadb");
    if !path.exists() {
        bail!("{} is not there: `cargo xtask bench throughput` installs it", path.display());
    }
    Ok(path)
}

/// Measures it with each of these amounts.
pub async fn measure(amounts: &[Amount]) -> Result<Vec<Calls>> {
    let server = UmaDb::start()?;
    let processes =
        Processes::default().and(NAME, server.process.id()).and("the clients", std::process::id());
    let mut all = Vec::new();
    for amount in amounts {
        let mut connections = Vec::new();
        for _ in 0..rush::connections(amount.at_once) {
            connections.push(connect(Endpoint::from_shared(format!("http://{}", server.address))?).await?);
        }
        all.push(calls::measure(&connections, *amount, &processes, |channel, _| append(channel)).await?);
    }
    Ok(all)
}

/// One event, unless there is one about the same thing.
async fn append(channel: Channel) -> Result<()> {
    let about = Uuid::now_v7().to_string();
    let item = v1::QueryItem { types: Vec::new(), tags: vec![about.clone()] };
    let condition =
        v1::AppendCondition { fail_if_events_match: Some(v1::Query { items: vec![item] }), after: None };
    let event = v1::Event {
        event_type: "EipAllocated".to_owned(),
        tags: vec![about],
        data: vec![7; BYTES],
        uuid: Uuid::now_v7().to_string(),
    };
    let request = v1::AppendRequest { events: vec![event], condition: Some(condition) };
    let answer: v1::AppendResponse = unary(channel, METHOD, request).await?;
    ensure!(answer.position > 0, "an append without a position");
    Ok(())
}
