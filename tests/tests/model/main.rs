//! A model of the whole, a few maps, against which the services are checked command by command: members of two projects make,
//! change, bind, move and delete at random, rightly and wrongly, and every answer is the one that the model says. Meanwhile the
//! server dies between any two steps of a bind or an unbind, and wherever it is killed; whoever asked asks again.
//!
//! `MOORING_COMMANDS` makes it longer, `MOORING_SEED` repeats the same choices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod ask;
mod commands;
mod done;
mod lists;
mod rules;
mod world;

use std::collections::BTreeMap;

use fastrand::Rng;
use mooring_proto::resource::v1::{
    CreatePoolRequest, eip::State, resource_service_client::ResourceServiceClient,
};
use mooring_tests::figures::{number, seed, show};
use mooring_tests::{Mooringd, server::Options};
use uuid::Uuid;

use crate::ask::{Answer, Asker};
use crate::commands::{Chooser, Command, What};
use crate::world::{Done, PROJECTS, Pool, World};

const COMMANDS: u64 = 1200;
/// So many commands, and the lists are looked at.
const LOOK: u64 = 25;
/// Where the server dies.
const CRASHES: [&str; 11] = [
    "early.before-hold",
    "early.after-hold",
    "bind.before-hold",
    "bind.after-hold",
    "bind.after-bound",
    "fail.before-release",
    "fail.after-release",
    "fail.after-failed",
    "unbind.before-release",
    "unbind.after-release",
    "unbind.after-unbound",
];

/// A run.
struct Run {
    rng: Rng,
    world: World,
    asker: Asker,
    /// What was done, to be asked for again.
    past: Vec<(Command, Uuid, Done)>,
    /// How often each answer came.
    told: BTreeMap<String, u64>,
}

impl Run {
    async fn begin(seed: u64, options: Options) -> Run {
        let asker = Asker::of(Mooringd::alone(options).unwrap()).await;
        let mut world = World::default();
        let mut resource = ResourceServiceClient::new(asker.operator());
        for (name, cidr, cools) in [
            ("warm", "203.0.113.0/28", false),
            ("cool", "203.0.113.16/29", true),
            ("six", "2001:db8::/126", false),
        ] {
            let pool = mooring_proto::resource::v1::Pool {
                display_name: name.to_owned(),
                cidrs: vec![cidr.to_owned()],
                cooling_ms: (!cools).then_some(0),
                ..Default::default()
            };
            let parent = "regions/r1".to_owned();
            let request = CreatePoolRequest { parent, pool: Some(pool), ..CreatePoolRequest::default() };
            let pool = resource.create_pool(request).await.unwrap().into_inner();
            let (name, revision) = (pool.name, pool.position);
            world.pools.push(Pool {
                name,
                cidrs: vec![cidr.parse().unwrap()],
                cools,
                drains: false,
                revision,
            });
        }
        Run { rng: Rng::with_seed(seed), world, asker, past: Vec::new(), told: BTreeMap::new() }
    }

    async fn step(&mut self) -> Result<(), String> {
        match self.rng.u16(..120) {
            0..5 => {
                let point = CRASHES[self.rng.usize(..CRASHES.len())];
                self.asker.restart(Some(point)).await;
            }
            5..8 => self.asker.restart(None).await,
            8..16 => return self.again().await,
            _ => {}
        }
        let by = self.rng.usize(..PROJECTS.len());
        let command = Chooser { rng: &mut self.rng, world: &self.world, by }.command();
        if self.rng.u8(..6) == 0 {
            let answer = self.asker.ask(&self.world, &command, Uuid::now_v7(), true).await;
            self.is_right(&command, &answer).map_err(|why| format!("only validated, {why}"))?;
        }
        let request = Uuid::now_v7();
        let answer = self.asker.ask(&self.world, &command, request, false).await;
        self.is_right(&command, &answer)?;
        let Ok(done) = answer.told else { return Ok(()) };
        if self.world.wrote(&command, &done) {
            self.world.apply(&command, &done);
            self.past.push((command.clone(), request, done));
        }
        match &command.what {
            // Its old binding goes a moment later.
            What::Move { .. } => lists::agree(&mut self.asker, &self.world).await.map(drop),
            // It is free when that is said, and not a moment later.
            What::Unbind { eip, .. } if self.world.eips.contains_key(eip) => {
                let state = lists::state(&mut self.asker, command.by, eip).await;
                if state == State::Available {
                    Ok(())
                } else {
                    Err(format!("{eip} was unbound, and is {state:?}"))
                }
            }
            _ => Ok(()),
        }
    }

    /// The answer is the one that the model says.
    fn is_right(&mut self, command: &Command, answer: &Answer) -> Result<(), String> {
        let broken = self.world.broken(command);
        let told = match &answer.told {
            Ok(_) => "done",
            Err(reason) => reason,
        };
        *self.told.entry(told.to_owned()).or_default() += 1;
        let wrong =
            |should: String| Err(format!("{command:?} was told {:?}; it should be {should}", answer.told));
        match &answer.told {
            Ok(_) if !broken.is_empty() => wrong(format!("refused: one of {broken:?}")),
            Ok(done) => {
                let address = self.world.address_for(command);
                if done.address == address { Ok(()) } else { wrong(format!("done, with {address:?}")) }
            }
            Err(reason) if broken.contains(reason.as_str()) => Ok(()),
            // What had been released for it before the server died is known to have been; why, is lost.
            Err(reason)
                if reason == "HOLD_RELEASED"
                    && answer.crashed
                    && ["NOT_FOUND", "EIP_COOLING", "FAMILY_DIFFERS"]
                        .iter()
                        .any(|why| broken.contains(why)) =>
            {
                Ok(())
            }
            Err(_) if broken.is_empty() => wrong("done".to_owned()),
            Err(_) => wrong(format!("refused for one of {broken:?}")),
        }
    }

    /// What was done is asked for once more, with the same request id: the first answer, and nothing changes.
    async fn again(&mut self) -> Result<(), String> {
        let Some((command, request, first)) = self.rng.choice(&self.past).cloned() else { return Ok(()) };
        let answer = self.asker.ask(&self.world, &command, request, false).await;
        *self.told.entry("done again".to_owned()).or_default() += 1;
        let stands = match &command.what {
            What::Bind { eip, .. } | What::Move { eip, .. } => {
                self.world.bound.get(eip).is_some_and(|bound| bound.binding == first.name)
            }
            _ => true,
        };
        let right = match &answer.told {
            Ok(done) => stands && *done == first,
            Err(reason) => !stands && reason == "UNBOUND_SINCE",
        };
        if right {
            Ok(())
        } else {
            Err(format!("{command:?} was told {first:?}, and again {:?}", answer.told))
        }
    }
}

#[test]
fn a_service_that_answers_an_unbind_before_its_end_is_found() {
    let seed = seed("model");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(async {
        let plant = Some("unbind.answers-early".to_owned());
        let mut run = Run::begin(seed, Options { plant, ..Options::default() }).await;
        for _ in 0..COMMANDS {
            run.step().await?;
        }
        Ok::<_, String>(())
    });
    let found = found.expect_err("nobody noticed");
    show(&format!("model: the planted fault was found: {found}"));
}

#[test]
fn every_answer_is_the_one_that_a_few_maps_say_whenever_the_server_dies() {
    let seed = seed("model");
    let commands = number("MOORING_COMMANDS", COMMANDS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut run = Run::begin(seed, Options::default()).await;
        let mut things = 0;
        for count in 1..=commands {
            run.step().await.unwrap_or_else(|why| panic!("seed {seed}, command {count}: {why}"));
            if count % LOOK == 0 || count == commands {
                let agree = lists::agree(&mut run.asker, &run.world).await;
                things = agree.unwrap_or_else(|why| panic!("seed {seed}, after command {count}: {why}"));
            }
        }
        let Run { told, asker, .. } = run;
        show(&format!("model: {commands} commands, {} crashes, {things} things in the end", asker.crashes));
        show(&format!("model: {told:?}"));
        assert!(asker.crashes > 0 || commands < COMMANDS, "seed {seed}: the server never died");
    });
}
