//! NATS that is not there: at the start, while the log is open, and again and again.

use futures::StreamExt;
use mooring_event_log::{EventLog, Filter, JetStream, LogError, Position, jetstream::Standing};
use mooring_tests::proxy::Weather;

use crate::given::{Given, PATIENCE, commit, stands, story, stream, texts, until_known, write};

#[test]
fn a_start_without_nats_can_be_tried_again() {
    story(|| async {
        let mut given = Given::new().await;
        given.nats.stop().unwrap();
        let away = given.try_open("copy", &[]).await.err().unwrap();
        assert!(matches!(&away, LogError::Unavailable(why) if why.contains(&given.nats.address())), "{away}");
        given.nats.restart().unwrap();
        assert_eq!(write(given.open("copy").await.as_ref(), "a", "x").await, Ok(Position(1)));
    });
}

#[test]
fn while_nats_is_away_nothing_is_written_and_afterwards_it_goes_on() {
    story(|| async {
        let given = Given::new().await;
        let proxy = given.proxy();
        let log = given.open_through(&proxy, "copy").await;
        assert_eq!(*log.standing().borrow(), Standing::Reached);
        write(log.as_ref(), "a", "first").await.unwrap();
        proxy.weather(Weather::CUT);
        let Standing::NotReached(why) =
            stands(&log, PATIENCE, |standing| matches!(standing, Standing::NotReached(_))).await
        else {
            unreachable!()
        };
        assert!(why.contains("not connected"), "{why}");
        let (a, lost) = (stream("a"), vec![commit("not written")]);
        let refused = log.append(&a, Position(1), lost).await;
        assert!(matches!(refused, Err(LogError::Unavailable(_))), "{refused:?}");
        let tail = log.tail().await;
        assert!(matches!(tail, Err(LogError::Unavailable(_))), "what others wrote is not known: {tail:?}");
        let read = log.read(&Filter::All, Position(0), 1).await.unwrap();
        assert_eq!(read.len(), 1, "what is copied is served");
        proxy.weather(Weather::FAIR);
        stands(&log, PATIENCE, |standing| *standing == Standing::Reached).await;
        assert_eq!(write(log.as_ref(), "a", "second").await, Ok(Position(2)));
        assert_eq!(texts(log.as_ref()).await, ["first", "second"]);
    });
}

#[test]
fn a_follower_gets_every_record_once_while_its_connection_breaks_again_and_again() {
    const RECORDS: u64 = 400;
    story(|| async {
        let given = Given::new().await;
        let proxy = given.proxy();
        let writing = given.open("writer").await;
        let following = given.open_through(&proxy, "follower").await;
        let writer = tokio::spawn(async move {
            let (a, mut last) = (stream("a"), Position(0));
            for n in 0..RECORDS {
                last = until_known(&writing, &a, last, vec![commit(&n.to_string())]).await.unwrap();
            }
        });
        let mut follow = following.follow(Filter::All, Position(0));
        for n in 1..=RECORDS {
            let record = follow.next().await.unwrap().unwrap();
            assert_eq!(record.position, Position(n));
            if n % 100 == 50 {
                proxy.weather(if n < 200 { Weather::CUT } else { Weather::SILENT });
                stands(&following, PATIENCE, |standing| matches!(standing, Standing::NotReached(_))).await;
                proxy.weather(Weather::FAIR);
            }
        }
        writer.await.unwrap();
        stands(&following, PATIENCE, |standing| *standing == Standing::Reached).await;
    });
}

#[test]
fn a_server_that_is_stopped_and_continued_is_noticed_both_ways() {
    story(|| async {
        let given = Given::new().await;
        let log = given.open("copy").await;
        given.nats.pause().unwrap();
        stands(&log, PATIENCE, |standing| matches!(standing, Standing::NotReached(_))).await;
        given.nats.resume().unwrap();
        stands(&log, PATIENCE, |standing| *standing == Standing::Reached).await;
        assert_eq!(write(log.as_ref(), "a", "x").await, Ok(Position(1)));
    });
}

#[test]
fn a_closed_log_refuses_what_comes_and_lets_its_folder_go() {
    story(|| async {
        let given = Given::new().await;
        let log = given.open("copy").await;
        write(log.as_ref(), "a", "x").await.unwrap();
        let mut follow = log.follow(Filter::All, Position(0));
        let second = JetStream::open(given.options("copy"), &[]).await.err().unwrap();
        assert!(second.to_string().contains("is open in another process, or twice in this one"), "{second}");
        log.close().await;
        assert_eq!(write(log.as_ref(), "a", "y").await, Err(LogError::Closed));
        assert_eq!(follow.next().await.unwrap().unwrap().position, Position(1));
        assert!(follow.next().await.is_none());
        assert_eq!(write(given.open("copy").await.as_ref(), "a", "y").await, Ok(Position(2)));
    });
}
