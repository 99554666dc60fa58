//! How long an append takes, and how many there are in a second: figures to look at, not to pass.

use std::time::{Duration, Instant};

use mooring_event_log::{Commit, EventLog, Position};

use crate::given::{Given, commit, story, stream};

#[test]
fn the_time_of_an_append_is_printed() {
    story(|| async {
        let given = Given::new().await;
        for (name, commits, bytes) in
            [("small", 1, 300), ("of_100_commits", 100, 300), ("of_512_KiB", 1, 500 * 1024)]
        {
            let log = given.open(name).await;
            let (own, mut last, mut times) = (stream(name), Position(0), Vec::new());
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_secs(2) {
                let record: Vec<Commit> = (0..commits).map(|_| commit(&"x".repeat(bytes))).collect();
                let sent = Instant::now();
                last = log.append(&own, last, record).await.unwrap();
                times.push(sent.elapsed());
            }
            times.sort();
            let per_second = times.len() as f64 / begin.elapsed().as_secs_f64();
            let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
            println!("one writer, records {name}: {per_second:.0}/s, p50 {p50:.1?}, p99 {p99:.1?}");
            log.close().await;
        }
    });
}
