//! A namespace of a test's own: two links, `in0` and `out0`, whose other ends `vm0` and `net0` are in it too.

use std::{
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use mooring_dataplane::Place;

/// Deleted when dropped, also by a test that fails.
pub struct Namespace {
    name: String,
}

impl Namespace {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = Self { name: format!("moor-{}-{count}-dataplane", process::id()) };
        run("ip", &["netns", "add", &namespace.name]);
        namespace
            .ip("link add in0 address 02:00:00:00:00:01 type veth peer name vm0 address 02:00:00:00:00:0a");
        namespace.ip("link add out0 address 02:00:00:00:00:02 type veth peer name net0");
        namespace.ip("address add 10.0.1.1/24 dev in0");
        namespace.ip("address add 203.0.113.1/24 dev out0");
        for link in ["lo", "in0", "vm0", "out0", "net0"] {
            namespace.ip(&format!("link set {link} up"));
        }
        namespace
    }

    pub fn place(&self) -> Place {
        Place {
            netns: Some(self.name.clone()),
            inside: "in0".to_owned(),
            outside: "out0".to_owned(),
            arp: true,
        }
    }

    /// `ip`, inside, with the words of this line; what it printed.
    pub fn ip(&self, line: &str) -> String {
        let mut words = vec!["-n", &self.name];
        words.extend(line.split_whitespace());
        run("ip", &words)
    }

    /// `nft`, inside, with this command; what it printed.
    pub fn nft(&self, command: &str) -> String {
        run("ip", &["netns", "exec", &self.name, "nft", command])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn run(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}
