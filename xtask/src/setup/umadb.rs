//! UmaDB, which `bench throughput` measures beside ours. Its server is built from its crate, with the versions of its own
//! lock file, into the target folder: no build and no test of this workspace waits for it, and nothing of it is in ours.

use anyhow::{Context, Result};

use super::{install, installed};
use crate::{run, tree};

/// Its crate, and the version.
const CRATE: &str = "umadb@=0.7.8";

/// Installs it as `peers/bin/umadb` in the target folder, unless it is there.
pub fn umadb() -> Result<()> {
    let peers = tree::target()?.join("peers");
    if peers.join("bin/umadb").exists() {
        println!("{CRATE}: is there");
        return Ok(());
    }
    // Its build generates code with it.
    if !installed("protoc") {
        install(&["protobuf-compiler"])?;
    }
    let mut build = run::cargo();
    build.args(["install", "--quiet", "--locked", CRATE, "--root"]).arg(&peers);
    run::succeed(&mut build).context("UmaDB, the peer of `bench throughput`")
}
