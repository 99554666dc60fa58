//! Copies: torn, missing, damaged in the middle, behind; and that all of them are the same.

use std::{fs, path::Path, sync::Arc};

use futures::future::join_all;
use mooring_event_log::{EventLog, Hash, JetStream, LogError, Position, Segments, Witness, segments};

use crate::given::{Given, all, commit, hashes, story, stream, texts, until_known, write};

/// The bytes of a copy's only segment, changed.
fn change_segment(copy: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let segment = copy.join("segments/00000000000000000001.log");
    let mut bytes = fs::read(&segment).unwrap();
    change(&mut bytes);
    fs::write(segment, bytes).unwrap();
}

async fn written(given: &Given, name: &str, records: u64) -> Vec<Hash> {
    let log = given.open(name).await;
    for n in 1..=records {
        write(log.as_ref(), "a", &n.to_string()).await.unwrap();
    }
    let hashes = hashes(log.as_ref()).await;
    log.close().await;
    hashes
}

#[test]
fn a_torn_end_is_cut_off_and_fetched_again() {
    story(|| async {
        let given = Given::new().await;
        let before = written(&given, "copy", 5).await;
        for torn in [1, 30, 100] {
            change_segment(&given.copy("copy"), |bytes| bytes.truncate(bytes.len() - torn));
            let log = given.open("copy").await;
            assert_eq!(hashes(log.as_ref()).await, before, "{torn} bytes less");
            log.close().await;
        }
    });
}

#[test]
fn a_copy_that_is_missing_is_fetched_anew() {
    story(|| async {
        let given = Given::new().await;
        let before = written(&given, "copy", 5).await;
        fs::remove_dir_all(given.copy("copy")).unwrap();
        let log = given.open("copy").await;
        assert_eq!(hashes(log.as_ref()).await, before);
    });
}

#[test]
fn a_copy_that_is_damaged_in_the_middle_is_refused_with_advice_that_helps() {
    story(|| async {
        let given = Given::new().await;
        let before = written(&given, "copy", 5).await;
        let copy = given.copy("copy");
        change_segment(&copy, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        let refused = given.try_open("copy", &[]).await.err().unwrap();
        let advice = format!("move {} away, and the copy is fetched anew at the next start", copy.display());
        assert!(matches!(&refused, LogError::Damaged(why) if why.ends_with(&advice)), "{refused}");
        fs::rename(&copy, given.copy("aside")).unwrap();
        assert_eq!(hashes(given.open("copy").await.as_ref()).await, before);
    });
}

#[test]
fn witnesses_must_have_seen_this_log_and_no_more_of_it() {
    story(|| async {
        let given = Given::new().await;
        let hashes = written(&given, "copy", 3).await;
        let seen =
            |position, hash| Witness { position: Position(position), record: Some((stream("a"), hash)) };
        for agreeing in
            [Witness::of(Position(3)), seen(3, hashes[2]), seen(1, hashes[0]), Witness::of(Position(0))]
        {
            given.try_open("copy", &[agreeing]).await.unwrap().close().await;
        }
        let beyond = given.try_open("fresh", &[Witness::of(Position(5))]).await.err().unwrap();
        let expected = "ends at 3; record 4 is missing there, and a witness saw record 5";
        assert!(matches!(&beyond, LogError::Damaged(why) if why.contains(expected)), "{beyond}");
        let other = given.try_open("copy", &[seen(2, hashes[2])]).await.err().unwrap();
        assert!(
            matches!(&other, LogError::Damaged(why) if why.starts_with("record 2 of JetStream")),
            "{other}"
        );
        given.open("copy").await;
    });
}

#[test]
fn the_copies_of_two_writers_and_a_reader_are_the_same() {
    const EACH: usize = 150;
    story(|| async {
        let given = Given::new().await;
        let reader = given.open("reader").await;
        let mut writers = Vec::new();
        for (n, name) in ["binding", "health"].into_iter().enumerate() {
            let log = given.open(name).await;
            writers.push(tokio::spawn(async move {
                let (own, mut last) = (stream(name), Position(0));
                for round in 0..EACH {
                    // Clocks that differ and go back: every copy must raise the same times.
                    let mut commits = vec![commit(&format!("{name} {round}")), commit("and another")];
                    for (at, commit) in commits.iter_mut().enumerate() {
                        commit.recorded_at = 1_000 + (round as u64 * (7 + n as u64 * 5)) % 90 + at as u64;
                    }
                    last = log.append(&own, last, commits).await.unwrap();
                }
                log
            }));
        }
        let mut logs: Vec<Arc<JetStream>> = vec![reader, given.open("late").await];
        logs.extend(join_all(writers).await.into_iter().map(Result::unwrap));
        let records = all(logs[0].as_ref()).await;
        assert_eq!(records.len(), 2 * EACH);
        let times: Vec<_> =
            records.iter().flat_map(|record| &record.commits).map(|commit| commit.recorded_at).collect();
        assert!(times.is_sorted(), "{times:?}");
        for log in &logs {
            assert_eq!(all(log.as_ref()).await, records);
            log.close().await;
        }
        // And each of them is a log of the other engine.
        for name in ["reader", "late", "binding", "health"] {
            let copy = Segments::open(&given.copy(name), segments::Options::default(), &[]).unwrap().log;
            assert_eq!(all(copy.as_ref()).await, records, "{name}");
        }
    });
}

#[test]
fn of_two_processes_on_one_stream_one_wins_each_race() {
    story(|| async {
        let given = Given::new().await;
        let racers = [given.open("one").await, given.open("two").await];
        let (a, mut last) = (stream("a"), Position(0));
        for round in 1..=30 {
            let tries = racers.iter().map(|log| log.append(&a, last, vec![commit(&round.to_string())]));
            let answers = join_all(tries).await;
            let won: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
            let conflict = LogError::Conflict { stream: a.clone(), expected: last, last: Position(round) };
            assert_eq!(won, [&Position(round)], "{answers:?}");
            assert!(answers.contains(&Err(conflict)), "{answers:?}");
            last = Position(round);
        }
        assert_eq!(hashes(racers[0].as_ref()).await, hashes(racers[1].as_ref()).await);
    });
}

#[test]
fn what_a_writer_was_told_is_in_its_copy_though_it_was_never_closed() {
    story(|| async {
        let mut given = Given::new().await;
        let log = given.open("copy").await;
        for n in 1..=20 {
            until_known(&log, &stream("a"), Position(n - 1), vec![commit(&n.to_string())]).await.unwrap();
        }
        given.nats.kill9().unwrap();
        let folder = given.copy("as it was");
        fs::create_dir_all(folder.join("segments")).unwrap();
        let segment = "segments/00000000000000000001.log";
        fs::copy(given.copy("copy").join(segment), folder.join(segment)).unwrap();
        let copied = Segments::open(&folder, segments::Options::default(), &[]).unwrap();
        assert_eq!(copied.repaired, None);
        assert_eq!(texts(copied.log.as_ref()).await.len(), 20);
    });
}
