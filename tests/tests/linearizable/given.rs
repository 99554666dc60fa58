//! A server with cells on it.

use std::net::Ipv4Addr;

use mooring_tests::load::{Cell, Shape};
use mooring_tests::{Client, Mooringd, lab};
use uuid::Uuid;

/// Four who know nothing of each other.
pub const CONTENDED: Shape = Shape { eips: 2, havips: 2, clients: 4 };
/// One who knows what it did.
pub const ALONE: Shape = Shape { eips: 3, havips: 3, clients: 1 };

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Creates what cells need, and them.
pub fn cells(server: &Mooringd, shapes: &[Shape]) -> Vec<Cell> {
    runtime().block_on(async {
        let client = Client::connect(server.address()).await.unwrap();
        client.pool(lab::EIP_POOL).await.unwrap();
        let vpc = client.vpc("blue").await.unwrap();
        let subnet = client.subnet(&vpc, "web", lab::SUBNET).await.unwrap();
        let mut addresses = (100..).map(|last| Ipv4Addr::new(10, 0, 1, last));
        let mut cells = Vec::new();
        for shape in shapes {
            cells.push(Cell::create(&client, *shape, &subnet, &[], &mut addresses).await.unwrap());
        }
        cells
    })
}

/// The request ids in the log.
pub fn requests(server: &Mooringd) -> Vec<Uuid> {
    let all = async || Client::connect(server.address()).await.unwrap().commits().await.unwrap();
    let commits = runtime().block_on(all());
    let ids = commits.iter().map(|commit| &commit.request_id).filter(|id| !id.is_empty());
    ids.map(|id| id.parse().unwrap()).collect()
}
