//! What is fought for, and what is asked of the server by one who does not fight.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mooring_proto::dataplane::v1::{Commit, Status};
use mooring_proto::resource::v1::ListHoldsRequest;
use mooring_proto::resource::v1::hold_service_client::HoldServiceClient;
use mooring_tests::channel::{self, Channel};
use mooring_tests::{Client, Mooringd, lab};
use tonic::transport::Endpoint;
use uuid::Uuid;

/// EIPs, and as many HAVIPs.
pub const PRIZES: usize = 50;
/// Room for all of them.
const POOL: &str = "203.0.113.64/26";

/// Names of EIPs and HAVIPs.
pub struct Prizes {
    pub eips: Vec<String>,
    pub havips: Vec<String>,
}

impl Prizes {
    pub fn create(server: &Mooringd) -> Prizes {
        runtime().block_on(async {
            let client = Client::connect(server.address()).await.unwrap();
            client.pool(POOL).await.unwrap();
            let vpc = client.vpc("blue").await.unwrap();
            let subnet = client.subnet(&vpc, "web", lab::SUBNET).await.unwrap();
            let a = client.vnic(&subnet, "vm-a", lab::MAC_A, &lab::VM_A.to_string()).await.unwrap();
            let (mut eips, mut havips) = (Vec::new(), Vec::new());
            for number in 0..PRIZES {
                let address = Ipv4Addr::new(10, 0, 1, 100 + number as u8).to_string();
                let havip = client.havip(&subnet, &format!("h{number}"), &address, &[&a]).await.unwrap();
                havips.push(havip.name);
                eips.push(client.eip().await.unwrap().name);
            }
            Prizes { eips, havips }
        })
    }
}

/// The last part of a name.
pub fn id(name: &str) -> Uuid {
    name.rsplit('/').next().unwrap().parse().unwrap()
}

/// The whole log.
pub fn commits(server: &Mooringd) -> Vec<Commit> {
    runtime().block_on(async { Client::connect(server.address()).await.unwrap().commits().await.unwrap() })
}

/// Where the gateway stands, with its kernel read back.
pub fn status(server: &Mooringd) -> Status {
    runtime().block_on(async { Client::connect(server.address()).await.unwrap().status(true).await.unwrap() })
}

/// The bindings that hold, as resource has them.
pub fn holds(server: &Mooringd) -> BTreeSet<Uuid> {
    runtime().block_on(async {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
        let mut holds: HoldServiceClient<Channel> =
            HoldServiceClient::new(channel::connect(endpoint).await.unwrap());
        // One page has room for 10 000.
        let request = ListHoldsRequest { region: "r1".to_owned(), ..Default::default() };
        let answer = holds.list_holds(request).await.unwrap().into_inner();
        answer.binding_ids.iter().map(|id| Uuid::from_slice(id).unwrap()).collect()
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
