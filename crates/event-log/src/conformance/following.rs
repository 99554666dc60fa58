//! L7 and reading.

use std::sync::Arc;

use super::{Fresh, commit, next, positions, stream, texts, write};
use crate::{contract::Filter, record::Position};

/// L7: what is there already, and what comes.
pub async fn l7_a_follower_gets_every_record_once_in_order(fresh: Fresh) {
    let log = fresh.log.as_ref();
    for n in 0..5 {
        write(log, "a", &format!("{n}")).await;
    }
    let mut early = log.follow(Filter::All, Position(0));
    let mut late = log.follow(Filter::All, Position(5));
    assert_eq!(texts(&next(&mut early, 5).await), ["0", "1", "2", "3", "4"]);
    for n in 5..10 {
        write(log, "b", &format!("{n}")).await;
    }
    assert_eq!(texts(&next(&mut early, 5).await), ["5", "6", "7", "8", "9"]);
    assert_eq!(positions(&next(&mut late, 5).await), [6, 7, 8, 9, 10]);
}

/// L7: a new follower takes up where the old one was.
pub async fn l7_a_follower_goes_on_from_the_position_it_had(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let mut got = Vec::new();
    for n in 0..30 {
        write(log, "a", &format!("{n}")).await;
        if n % 3 == 2 {
            let after = Position(got.len() as u64);
            let mut follow = log.follow(Filter::All, after);
            got.extend(next(&mut follow, 2).await);
        }
    }
    assert_eq!(positions(&got), (1..=20).collect::<Vec<_>>());
}

/// L7 for one stream.
pub async fn l7_a_follower_of_one_stream_gets_that_stream(fresh: Fresh) {
    let log = fresh.log.as_ref();
    let mut follow = log.follow(Filter::Stream(stream("b")), Position(0));
    for name in ["a", "b", "a", "b", "c", "b"] {
        write(log, name, name).await;
    }
    let got = next(&mut follow, 3).await;
    assert_eq!((positions(&got), texts(&got)), (vec![2, 4, 6], vec!["b".to_owned(); 3]));
}

/// L7: no record falls between what was read and what was heard of.
pub async fn l7_a_follower_that_is_far_behind_catches_up_while_others_write(fresh: Fresh) {
    const BEFORE: u64 = 600;
    const MEANWHILE: u64 = 300;
    let log = fresh.log;
    let (a, mut last) = (stream("a"), Position(0));
    for _ in 0..BEFORE {
        last = log.append(&a, last, vec![commit("before")]).await.expect("it lands");
    }
    let mut follow = log.follow(Filter::All, Position(0));
    let writer = {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            for _ in 0..MEANWHILE {
                last = log.append(&a, last, vec![commit("meanwhile")]).await.expect("it lands");
            }
        })
    };
    let got = next(&mut follow, (BEFORE + MEANWHILE) as usize).await;
    assert_eq!(positions(&got), (1..=BEFORE + MEANWHILE).collect::<Vec<_>>());
    writer.await.expect("it writes");
}

/// Filter, start and limit; fewer only when the log ends.
pub async fn read_gives_what_was_asked_for_and_no_more(fresh: Fresh) {
    let log = fresh.log.as_ref();
    for n in 0..600 {
        write(log, if n % 2 == 0 { "even" } else { "odd" }, &format!("{n}")).await;
    }
    let read = async |filter: &Filter, after, limit| {
        positions(&log.read(filter, Position(after), limit).await.expect("records"))
    };
    let odd = Filter::Stream(stream("odd"));
    assert_eq!(read(&Filter::All, 0, 3).await, [1, 2, 3]);
    assert_eq!(read(&Filter::All, 597, 10).await, [598, 599, 600]);
    assert_eq!(read(&odd, 1, 300).await, (1..=300).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(read(&odd, 0, 200).await, (1..=200).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(read(&odd, 590, 2).await, [592, 594]);
    assert_eq!(read(&Filter::Stream(stream("none")), 0, 10).await, [0; 0]);
    assert_eq!(read(&Filter::All, 0, 0).await, [0; 0]);
    for beyond in [600, 601, u64::MAX] {
        assert_eq!(read(&Filter::All, beyond, 10).await, [0; 0], "after {beyond}");
    }
}
