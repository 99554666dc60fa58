//! The ways between processes, one by one and together: cut, silent in one direction or both, slow.

use std::time::Duration;

use mooring_tests::cluster::{Options, Part, Peer};
use mooring_tests::lab::Pair;
use mooring_tests::proxy::Weather;

use crate::stage::Stage;

fn proxied() -> Options {
    Options { proxies: true, ..Options::default() }
}

/// For a while this weather is on the ways that `wanted` picks.
fn spoil(stage: &mut Stage, name: &str, weather: Weather, wanted: impl Fn(Part, Peer) -> bool) {
    stage.trouble(
        &format!("{name}: {weather:?}"),
        |scene| {
            scene.cluster.ways.weather(weather, &wanted);
            Ok(())
        },
        |scene| {
            scene.cluster.ways.weather(Weather::FAIR, &wanted);
            Ok(())
        },
    );
}

#[test]
fn each_way_may_be_cut_or_silent_for_a_while() {
    let pair = Pair::new().unwrap();
    let mut stage = Stage::set("each way", &pair, proxied());
    for (from, to) in stage.scene.cluster.ways.all() {
        let mut weathers = vec![Weather::CUT, Weather::SILENT];
        if to == Peer::Nats {
            weathers.extend([Weather::SILENT_THERE, Weather::SILENT_BACK]);
        }
        for weather in weathers {
            spoil(&mut stage, &format!("{from:?} to {to:?}"), weather, |its, peer| (its, peer) == (from, to));
        }
    }
    stage.end();
}

#[test]
fn nats_may_be_away_for_all_and_everybody_for_everybody() {
    let pair = Pair::new().unwrap();
    let mut stage = Stage::set("all ways", &pair, proxied());
    for weather in [Weather::CUT, Weather::SILENT, Weather::SILENT_THERE, Weather::SILENT_BACK] {
        spoil(&mut stage, "all to NATS", weather, |_, peer| peer == Peer::Nats);
        spoil(&mut stage, "services to services", weather, |_, peer| peer != Peer::Nats);
        spoil(&mut stage, "everything", weather, |_, _| true);
    }
    stage.end();
}

#[test]
fn all_ways_may_be_slow() {
    let pair = Pair::new().unwrap();
    let mut stage = Stage::set("slow ways", &pair, proxied());
    for by in [20, 100, 300].map(Duration::from_millis) {
        spoil(&mut stage, "everything", Weather::slow(by), |_, _| true);
        spoil(&mut stage, "all to NATS", Weather::slow(by), |_, peer| peer == Peer::Nats);
    }
    stage.end();
}
