//! What a service's login may do on the server, and that it needs no more.

use mooring_event_log::{
    EventLog, JetStream, LogError, Position, StreamName,
    jetstream::{
        Permissions, admin,
        connect::{Login, Servers},
    },
};
use mooring_tests::NatsServer;

use crate::given::{Given, REGION, commit, options, story, stream, texts, write};

/// A user of the configuration, with these permissions and the name as its password.
fn user(name: &str, permissions: Option<&Permissions>) -> String {
    let permissions = permissions.map_or_else(String::new, |Permissions { publish, subscribe }| {
        format!(", permissions: {{ publish: {publish:?}, subscribe: {subscribe:?} }}")
    });
    format!("{{ user: {name}, password: {name}{permissions} }}")
}

fn servers(given: &Given, user: &str) -> Servers {
    let url = format!("nats://{user}:{user}@{}", given.nats.address());
    Servers::parse("--log", &url, &Login::default()).unwrap()
}

/// A server with an administrator, a writer of stream binding, and a reader.
async fn given() -> Given {
    let binding = Permissions::of(REGION, &[StreamName::new("binding")]);
    let reader = Permissions::of(REGION, &[]);
    let users = [user("admin", None), user("binding", Some(&binding)), user("reader", Some(&reader))];
    let extra = format!("authorization {{ users: [ {} ] }}\n", users.join(", "));
    let nats = NatsServer::with(mooring_tests::nats::Options { extra, ..Default::default() }).unwrap();
    let given = Given { nats, folder: tempfile::tempdir().unwrap() };
    let admin = servers(&given, "admin").connect("administrator").await.unwrap();
    admin::init(&admin, REGION, 1).await.unwrap();
    given
}

async fn open(given: &Given, user: &str) -> std::sync::Arc<JetStream> {
    let options = options(servers(given, user), &[given.nats.monitor()], &given.copy(user));
    JetStream::open(options, &[]).await.unwrap()
}

#[test]
fn a_service_writes_its_own_stream_and_reads_all_with_the_permissions_that_are_documented() {
    story(|| async {
        let given = given().await;
        let binding = open(&given, "binding").await;
        for n in 1..=150 {
            assert_eq!(write(binding.as_ref(), "binding", &"x".repeat(400_000)).await, Ok(Position(n)));
        }
        // So much at once that the server asks whether it arrives.
        let reader = open(&given, "reader").await;
        assert_eq!(texts(reader.as_ref()).await.len(), 150);
        let log = given.nats.log();
        assert!(!log.contains("Violation"), "{log}");
    });
}

#[test]
fn a_service_can_not_write_anothers_stream() {
    story(|| async {
        let given = given().await;
        let binding = open(&given, "binding").await;
        let refused = binding.append(&stream("resource"), Position(0), vec![commit("x")]).await;
        let subject = format!("mooring.{REGION}.resource");
        assert!(matches!(&refused, Err(LogError::Refused(why)) if why.contains(&subject)), "{refused:?}");
        assert_eq!(write(binding.as_ref(), "binding", "own").await, Ok(Position(1)));
    });
}

#[test]
fn a_service_can_not_change_or_empty_the_jetstream_stream() {
    story(|| async {
        let given = given().await;
        let binding = open(&given, "binding").await;
        write(binding.as_ref(), "binding", "x").await.unwrap();
        let at = servers(&given, "binding").connect("binding").await.unwrap();
        for what in ["DELETE", "PURGE", "UPDATE", "MSG.DELETE", "CREATE"] {
            let mut link = at.link.clone();
            let subject = format!("$JS.API.STREAM.{what}.mooring-{REGION}");
            at.client.publish(subject.clone(), "{}".into()).await.unwrap();
            let complained =
                link.wait_for(|link| link.trouble.as_ref().is_some_and(|why| why.contains(&subject)));
            complained.await.unwrap();
        }
        assert_eq!(texts(binding.as_ref()).await, ["x"]);
    });
}
