//! So many clients at once that bind, or unbind, all pairs.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use mooring_proto::binding::v1::binding::State;
use uuid::Uuid;

use super::rush::{Rush, rush};
use super::stock::Pair;
use crate::client::Client;

/// What is done with every pair.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Bound: answered once it is IN_USE.
    Bind,
    /// Unbound: answered once every registered gateway has taken it out and it is gone.
    Unbind,
}

/// Does it with the first `count` pairs. Each call gives the position at which it was answered: several share a record.
pub async fn round(
    connections: &[Client],
    clients: usize,
    act: Act,
    pairs: &Arc<[Pair]>,
    count: usize,
) -> Result<Rush<u64>> {
    let pairs = pairs.clone();
    rush(connections, clients, count, move |client, number| {
        let pair = pairs[number].clone();
        async move { one(&client, act, &pair).await }
    })
    .await
}

async fn one(client: &Client, act: Act, Pair { eip, havip }: &Pair) -> Result<u64> {
    match act {
        Act::Bind => {
            let bound = client.bind_stored(eip, havip, Uuid::now_v7()).await.context("a bind")?;
            ensure!(bound.state() == State::InUse, "a bind answered with {bound:?}");
            Ok(bound.position)
        }
        Act::Unbind => client.unbind_at(eip, Uuid::now_v7()).await.context("an unbind"),
    }
}
