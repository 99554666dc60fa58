//! Logins, connections, and certificates to start a test with.

use std::path::Path;
use std::process::Command;

use mooring_event_log::jetstream::connect::{Connected, Login, Servers};
use mooring_tests::NatsServer;

pub fn servers(urls: &str) -> Servers {
    Servers::parse("--log", urls, &Login::default()).unwrap()
}

pub async fn connect(urls: &str) -> Connected {
    servers(urls).connect("test").await.unwrap()
}

/// One that has failed to connect says why.
pub async fn refused(servers: &Servers) -> (bool, String) {
    let error = servers.connect("test").await.unwrap_err();
    (error.retryable(), error.to_string())
}

/// `nats://user:password@127.0.0.1:PORT`
pub fn url_of(server: &NatsServer, user: &str) -> String {
    format!("nats://{user}@{}", server.address())
}

/// Makes `ca.pem`, and `server.pem` with `server-key.pem` for 127.0.0.1, signed by it.
pub fn certificates(folder: &Path) {
    openssl(
        folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca-key.pem -out ca.pem -days 2 -subj /CN=ca",
    );
    openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server-key.pem -out server.csr -subj /CN=nats",
    );
    std::fs::write(folder.join("ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out server.pem -days 2 -extfile ext",
    );
}

fn openssl(folder: &Path, line: &str) {
    let done = Command::new("openssl").args(line.split(' ')).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&done.stderr));
}
