//! L7 and L8 on a JetStream stream that was made anew, rolled back, wiped, or changed by an administrator: what is the
//! same goes on, anything else stops the log, and says what is missing and who has it.

use std::{sync::Arc, time::Duration};

use mooring_event_log::{EventLog, Filter, JetStream, LogError, Position, jetstream::Standing};
use mooring_tests::proxy::Weather;
use serde_json::{Value, json};

use crate::given::{Given, PATIENCE, REGION, damage, stands, story, texts, write};

/// L8 shows within two seconds; this is for slow machines.
const SOON: Duration = Duration::from_secs(10);

/// Everything that is refused once there is damage.
async fn assert_stopped(log: &JetStream, why: &str) {
    let damaged = LogError::Damaged(why.into());
    assert_eq!(write(log, "a", "more").await.err(), Some(damaged.clone()));
    assert_eq!(log.tail().await.err(), Some(damaged.clone()));
    assert_eq!(log.read(&Filter::All, Position(0), 1).await.err(), Some(damaged));
}

/// An answer of JetStream's API.
async fn api(given: &Given, subject: &str, request: &Value) -> Value {
    let at = given.servers().connect("administrator").await.unwrap();
    let answer = at.client.request(format!("$JS.API.{subject}"), request.to_string().into()).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

async fn delete(given: &Given) {
    let answer = api(given, &format!("STREAM.DELETE.mooring-{REGION}"), &json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
}

/// Publishes these sequences again into a JetStream stream that was made anew, in this order.
async fn made_anew_with(given: &Given, sequences: &[u64]) {
    let at = given.servers().connect("administrator").await.unwrap();
    let mut messages = Vec::new();
    for seq in sequences {
        let request = json!({ "seq": seq }).to_string();
        let message =
            at.client.request(format!("$JS.API.DIRECT.GET.mooring-{REGION}"), request.into()).await.unwrap();
        messages.push(message);
    }
    delete(given).await;
    given.init().await;
    for message in messages {
        let mut kept = message.headers.unwrap();
        let headers = std::mem::take(&mut kept);
        let subject = headers.get("Nats-Subject").unwrap().to_string();
        kept.insert("Mooring-Crc32c", headers.get("Mooring-Crc32c").unwrap().clone());
        let ack = at.client.request_with_headers(subject, kept, message.payload).await.unwrap();
        assert!(serde_json::from_slice::<Value>(&ack.payload).unwrap()["seq"].is_u64(), "{ack:?}");
    }
}

async fn written(log: &JetStream) {
    for (stream, text) in [("a", "1"), ("b", "2"), ("a", "3")] {
        write(log, stream, text).await.unwrap();
    }
}

#[test]
fn a_jetstream_stream_that_was_made_anew_with_the_same_content_goes_on() {
    story(|| async {
        let given = Given::new().await;
        let proxy = given.proxy();
        let log = given.open_through(&proxy, "copy").await;
        written(&log).await;
        let mut follow = log.follow(Filter::All, Position(3));
        proxy.weather(Weather::CUT);
        stands(&log, PATIENCE, |standing| matches!(standing, Standing::NotReached(_))).await;
        made_anew_with(&given, &[1, 2, 3]).await;
        proxy.weather(Weather::FAIR);
        stands(&log, PATIENCE, |standing| *standing == Standing::Reached).await;
        assert_eq!(write(log.as_ref(), "a", "4").await, Ok(Position(4)));
        let next = futures::StreamExt::next(&mut follow).await.unwrap().unwrap();
        assert_eq!(next.position, Position(4));
        assert_eq!(texts(log.as_ref()).await, ["1", "2", "3", "4"]);
    });
}

#[test]
fn one_that_was_emptied_while_the_log_is_open_is_damage_at_once() {
    story(|| async {
        let given = Given::new().await;
        let log = given.open("copy").await;
        written(&log).await;
        delete(&given).await;
        given.init().await;
        let standing = stands(&log, SOON, |standing| matches!(standing, Standing::Damaged(_))).await;
        let Standing::Damaged(why) = standing else { unreachable!() };
        let expected = format!(
            "JetStream stream mooring-{REGION} at {} ends at 0; record 1 is missing there",
            given.nats.address()
        );
        assert!(why.starts_with(&expected), "{why}");
        assert!(
            why.ends_with(&format!("the copy in {} has the log up to 3", given.copy("copy").display())),
            "{why}"
        );
        assert_stopped(&log, &why).await;
    });
}

#[test]
fn one_that_is_gone_stops_writes_until_it_is_back() {
    story(|| async {
        let given = Given::new().await;
        let log = given.open("copy").await;
        written(&log).await;
        delete(&given).await;
        let standing = stands(&log, SOON, |standing| matches!(standing, Standing::NotReached(_))).await;
        let Standing::NotReached(why) = standing else { unreachable!() };
        assert!(why.contains(&format!("there is no JetStream stream mooring-{REGION}")), "{why}");
        let refused = write(log.as_ref(), "a", "more").await;
        assert!(refused.is_err(), "{refused:?}");
        let read = log.read(&Filter::All, Position(0), 3).await.unwrap();
        assert_eq!(read.len(), 3, "what is copied is served");
    });
}

#[test]
fn one_that_a_running_log_finds_rolled_back_is_damage() {
    story(|| async {
        let mut given = Given::new().await;
        let log = given.open("copy").await;
        written(&log).await;
        given.nats.stop().unwrap();
        let old = given.nats.snapshot_store().unwrap();
        given.nats.restart().unwrap();
        stands(&log, PATIENCE, |standing| *standing == Standing::Reached).await;
        write(log.as_ref(), "b", "4").await.unwrap();
        write(log.as_ref(), "b", "5").await.unwrap();
        given.nats.kill9().unwrap();
        given.nats.put_back_store(&old).unwrap();
        given.nats.restart().unwrap();
        let why = damage(&log).await;
        assert!(why.contains(" ends at 3; record 4 is missing there; the copy in "), "{why}");
        assert!(why.ends_with("has the log up to 5"), "{why}");
        assert_stopped(&log, &why).await;
        log.close().await;
        let again = given.try_open("copy", &[]).await.err().unwrap();
        assert_eq!(again, LogError::Damaged(why.into()), "the next start finds it too");
    });
}

#[test]
fn one_that_was_wiped_and_made_anew_is_damage_for_the_next_start() {
    story(|| async {
        let mut given = Given::new().await;
        let log = given.open("copy").await;
        written(&log).await;
        log.close().await;
        given.nats.kill9().unwrap();
        given.nats.wipe_store().unwrap();
        given.nats.restart().unwrap();
        let missing = given.try_open("copy", &[]).await.err().unwrap();
        assert!(matches!(&missing, LogError::Refused(why) if why.contains("moor log init")), "{missing}");
        given.init().await;
        let empty = given.try_open("copy", &[]).await.err().unwrap();
        assert!(
            matches!(&empty, LogError::Damaged(why) if why.contains("record 1 is missing there")),
            "{empty}"
        );
    });
}

#[test]
fn another_history_of_the_same_length_is_damage() {
    story(|| async {
        let mut given = Given::new().await;
        given.nats.stop().unwrap();
        let empty = given.nats.snapshot_store().unwrap();
        given.nats.restart().unwrap();
        let proxy = given.proxy();
        let (running, stopped) = (given.open_through(&proxy, "running").await, given.open("stopped").await);
        written(&running).await;
        assert_eq!(texts(stopped.as_ref()).await.len(), 3);
        stopped.close().await;
        proxy.weather(Weather::CUT);
        given.nats.kill9().unwrap();
        given.nats.put_back_store(&empty).unwrap();
        given.nats.restart().unwrap();
        let other = given.open("other").await;
        written(&other).await;
        proxy.weather(Weather::FAIR);
        let (live, started) =
            (damage(&running).await, given.try_open("stopped", &[]).await.err().unwrap().to_string());
        for why in [live, started] {
            assert!(why.contains(&format!("of JetStream stream mooring-{REGION} at ")), "{why}");
            assert!(why.contains(" is another one; the copy in "), "{why}");
        }
        assert_eq!(
            write(other.as_ref(), "a", "goes on").await,
            Ok(Position(4)),
            "who never saw the first one"
        );
    });
}

#[test]
fn records_in_another_order_are_damage_for_every_reader() {
    story(|| async {
        let given = Given::new().await;
        let log = given.open("copy").await;
        written(&log).await;
        log.close().await;
        made_anew_with(&given, &[2, 3, 1]).await;
        let known = given.try_open("copy", &[]).await.err().unwrap();
        assert!(matches!(&known, LogError::Damaged(why) if why.contains(" is another one")), "{known}");
        let fresh = given.try_open("fresh", &[]).await.err().unwrap();
        let expected = "record 2 does not follow record 0 of stream a";
        assert!(matches!(&fresh, LogError::Damaged(why) if why.contains(expected)), "{fresh}");
    });
}

#[test]
fn a_message_that_nobody_of_ours_wrote_is_damage() {
    story(|| async {
        let given = Given::new().await;
        let log = given.open("copy").await;
        written(&log).await;
        let at = given.servers().connect("somebody").await.unwrap();
        at.client.publish(format!("mooring.{REGION}.a"), "hello".into()).await.unwrap();
        at.client.flush().await.unwrap();
        let why = damage(&log).await;
        assert!(why.starts_with("record 4 of JetStream stream "), "{why}");
        assert!(why.contains(" has no Mooring-Crc32c; the copy in "), "{why}");
        assert_stopped(&log, &why).await;
    });
}

#[test]
fn whoever_writes_into_a_log_that_lost_its_end_is_told_that_and_not_a_position() {
    story(|| async {
        let mut given = Given::new().await;
        given.nats.stop().unwrap();
        let empty = given.nats.snapshot_store().unwrap();
        given.nats.restart().unwrap();
        let log = given.open("copy").await;
        written(&log).await;
        let log = Arc::clone(&log);
        let writer = tokio::spawn(async move {
            loop {
                match write(log.as_ref(), "c", "more").await {
                    Ok(_) | Err(LogError::Unavailable(_) | LogError::Unknown(_)) => {
                        tokio::task::yield_now().await
                    }
                    Err(error) => return error,
                }
            }
        });
        given.nats.kill9().unwrap();
        given.nats.put_back_store(&empty).unwrap();
        given.nats.restart().unwrap();
        let stopped = writer.await.unwrap();
        assert!(
            matches!(&stopped, LogError::Damaged(why) if why.contains("ends at 0; record 1 is missing")),
            "{stopped}"
        );
    });
}
