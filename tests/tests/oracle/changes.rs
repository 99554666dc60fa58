//! What is bound, unbound and bound elsewhere, by eight clients at once, each with EIPs of its own; the HAVIPs are free
//! for all. Each call's beginning and answer go into the diary.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures::future::join_all;
use mooring_tests::{Client, lab};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::flows::{Bells, bells};
use crate::places;
use crate::record::{Diary, Place, Reign, lock};
use crate::{EIPS, HAVIPS};

const CLIENTS: usize = 8;
/// Between two changes by one client, at most. In milliseconds.
const THINKING: u64 = 200;
/// EIPs that stay bound to the end, to see that the look for traces sees.
const LEFT: usize = 5;
const PATIENT: Duration = Duration::from_secs(20);

pub struct World {
    client: Client,
    diary: Arc<Diary>,
    bells: Bells,
    eips: Vec<(String, Ipv4Addr)>,
    havips: Vec<String>,
    free: Mutex<Vec<usize>>,
}

impl World {
    /// Everything that will be bound; returns once every HAVIP has its holder.
    pub async fn create(client: Client, diary: Arc<Diary>) -> World {
        client.pool("203.0.113.128/25").await.unwrap();
        let vpc = client.vpc("blue").await.unwrap();
        let subnet = client.subnet(&vpc, "web", lab::SUBNET).await.unwrap();
        let a = client.vnic(&subnet, "vm-a", lab::MAC_A, &lab::VM_A.to_string()).await.unwrap();
        let b = client.vnic(&subnet, "vm-b", lab::MAC_B, &lab::VM_B.to_string()).await.unwrap();
        let create = async |index: usize| {
            let (name, address) = (format!("h{index}"), places::havip(index).to_string());
            client.havip(&subnet, &name, &address, &[&a, &b]).await.unwrap().name
        };
        let havips = join_all((0..HAVIPS).map(create)).await;
        let eips = join_all((0..EIPS).map(async |_| {
            let eip = client.eip().await.unwrap();
            (eip.name, eip.address.parse().unwrap())
        }))
        .await;
        let free = Mutex::new((0..HAVIPS).collect());
        let world = World { client, diary, bells: bells(), eips, havips, free };
        world.wait_held().await;
        world
    }

    async fn wait_held(&self) {
        let end = Instant::now() + PATIENT;
        loop {
            let holders = self.client.holders().await.unwrap();
            let right = holders.iter().filter(|holder| {
                let index = self.havips.iter().position(|name| *name == holder.havip).unwrap();
                holder.instance == ["vm-a", "vm-b"][Place::of(index).vm]
            });
            let right = right.count();
            if right == HAVIPS {
                return;
            }
            assert!(Instant::now() < end, "{right} of {HAVIPS} HAVIPs have their holder: {holders:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The EIPs' addresses, and the bells to ring for them.
    pub fn addresses(&self) -> (Vec<Ipv4Addr>, Bells) {
        (self.eips.iter().map(|(_, address)| *address).collect(), self.bells.clone())
    }

    pub async fn bind_all(&self, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let havips: Vec<usize> = (0..EIPS).map(|_| self.take_havip(&mut rng)).collect();
        join_all(havips.into_iter().enumerate().map(|(eip, havip)| self.bind(eip, havip))).await;
    }

    /// Changes for that long; every EIP is bound in the end.
    pub async fn churn(&self, seed: u64, how_long: Duration) {
        let end = Instant::now() + how_long;
        join_all((0..CLIENTS).map(async |client| {
            let mut rng = Rng::with_seed(seed ^ (client as u64 + 1));
            let its: Vec<usize> = (0..EIPS).filter(|eip| eip % CLIENTS == client).collect();
            while Instant::now() < end {
                self.change(its[rng.usize(..its.len())], &mut rng).await;
                sleep(Duration::from_millis(rng.u64(..THINKING))).await;
            }
            for eip in its {
                if self.havip_of(eip).is_none() {
                    let havip = self.take_havip(&mut rng);
                    self.bind(eip, havip).await;
                }
            }
        }))
        .await;
    }

    async fn change(&self, eip: usize, rng: &mut Rng) {
        if self.havip_of(eip).is_some() {
            self.unbind(eip).await;
            // Half of them move in one go.
            if rng.bool() {
                return;
            }
        }
        let havip = self.take_havip(rng);
        self.bind(eip, havip).await;
    }

    fn take_havip(&self, rng: &mut Rng) -> usize {
        let mut free = lock(&self.free);
        let index = rng.usize(..free.len());
        free.swap_remove(index)
    }

    fn havip_of(&self, eip: usize) -> Option<usize> {
        lock(&self.diary.reigns)[eip].last().filter(|reign| reign.gone.is_none()).map(|reign| reign.havip)
    }

    /// Changes the present reign of an EIP, and has its flows send.
    fn note(&self, eip: usize, change: impl FnOnce(&mut Reign)) {
        change(lock(&self.diary.reigns)[eip].last_mut().unwrap());
    }

    async fn bind(&self, eip: usize, havip: usize) {
        let asked = self.diary.now();
        lock(&self.diary.reigns)[eip].push(Reign { havip, asked, begun: None, leaving: None, gone: None });
        self.client.bind(&self.eips[eip].0, &self.havips[havip], Uuid::now_v7()).await.unwrap();
        let begun = self.diary.now();
        self.note(eip, |reign| reign.begun = Some(begun));
        self.bells[eip].notify_waiters();
    }

    async fn unbind(&self, eip: usize) {
        let leaving = self.diary.now();
        self.note(eip, |reign| reign.leaving = Some(leaving));
        self.client.unbind(&self.eips[eip].0, Uuid::now_v7()).await.unwrap();
        let gone = self.diary.now();
        self.note(eip, |reign| reign.gone = Some(gone));
        self.bells[eip].notify_waiters();
        let havip = lock(&self.diary.reigns)[eip].last().unwrap().havip;
        lock(&self.free).push(havip);
    }

    /// Unbinds all but a few; the addresses of the ones and the others.
    pub async fn unbind_most(&self) -> (Vec<Ipv4Addr>, Vec<Ipv4Addr>) {
        join_all((LEFT..EIPS).map(|eip| self.unbind(eip))).await;
        let mut addresses: Vec<_> = self.eips.iter().map(|(_, address)| *address).collect();
        let gone = addresses.split_off(LEFT);
        (gone, addresses)
    }

    /// Every table read back.
    pub async fn agrees(&self) {
        let status = self.client.status(true).await.unwrap();
        let [vpc] = &status.vpcs[..] else { panic!("{status:?}") };
        assert!(vpc.differences.is_empty() && vpc.fault.is_empty(), "{vpc:?}");
        assert_eq!((vpc.bindings, vpc.applied_position), (LEFT as u64, status.tail), "{vpc:?}");
    }
}
