//! L4: what was acknowledged is synced in the writer's copy, too. strace makes a sync fail in a process of its own, and
//! the append is not acknowledged.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use mooring_event_log::{
    EventLog, JetStream, LogError, Position,
    jetstream::{
        Standing,
        connect::{Login, Servers},
    },
};
use uuid::Uuid;

use crate::given::{Given, PATIENCE, commit, options, stands, story, stream, texts, until_known, write};

const ME: &str = "synced::an_append_whose_copy_can_not_be_synced_is_not_acknowledged";
/// What the child is told: the server, its monitoring, the folder of the copy, the id of the second commit.
const CHILD: [&str; 4] =
    ["MOORING_CHILD_NATS", "MOORING_CHILD_MONITOR", "MOORING_CHILD_COPY", "MOORING_CHILD_COMMIT"];

#[test]
fn an_append_whose_copy_can_not_be_synced_is_not_acknowledged() {
    if let [Ok(nats), Ok(monitor), Ok(copy), Ok(id)] = CHILD.map(env::var) {
        return story(|| second_sync_fails(nats, monitor, copy, id));
    }
    story(|| async {
        let given = Given::new().await;
        let mut second = commit("second");
        second.id = Uuid::now_v7();
        let copy = given.copy("copy");
        let told =
            [given.nats.url(), given.nats.monitor(), copy.display().to_string(), second.id.to_string()];
        let mut child = Command::new("strace");
        child.args(["-f", "-qq", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=2"]);
        child.arg(env::current_exe().unwrap()).args(["--exact", ME, "--nocapture", "--test-threads=1"]);
        let child = child.envs(CHILD.iter().zip(told)).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        let complained = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success() && said.contains("told to the end"), "{said}{complained}");
        let log = given.open("copy").await;
        assert_eq!(until_known(&log, &stream("a"), Position(1), vec![second]).await, Ok(Position(2)));
        assert_eq!(
            texts(log.as_ref()).await,
            ["first", "second"],
            "NATS had it, and the copy is fetched anew"
        );
    });
}

async fn second_sync_fails(nats: String, monitor: String, copy: String, id: String) {
    let servers = Servers::parse("--log", &nats, &Login::default()).unwrap();
    let log = JetStream::open(options(servers, &[monitor], Path::new(&copy)), &[]).await.unwrap();
    write(log.as_ref(), "a", "first").await.unwrap();
    let mut second = commit("second");
    second.id = id.parse().unwrap();
    for _ in 0..2 {
        let lost = log.append(&stream("a"), Position(1), vec![second.clone()]).await;
        assert!(matches!(lost, Err(LogError::Unknown(_))), "{lost:?}");
    }
    let other = log.append(&stream("b"), Position(0), vec![commit("other")]).await;
    assert!(matches!(other, Err(LogError::Unavailable(_))), "nothing more is sent: {other:?}");
    stands(&log, PATIENCE, |standing| matches!(standing, Standing::NotReached(_))).await;
    println!("told to the end");
}
