//! The images, where none can be pulled: Debian's packages make the base, the programs just built go on top, NATS's is
//! the base with the server binary.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::ask::{in_path, output};
use super::engine::Engine;
use crate::{demo, run, tree};

const SUITE: &str = "bookworm";
/// What the Dockerfile would install, and what NATS's health check asks with.
const PACKAGES: &str = "ca-certificates,iproute2,iputils-ping,keepalived,socat,wget";
/// What no program reads.
const LEFT_OUT: [&str; 6] = [
    "./dev",
    "./var/cache/apt",
    "./var/lib/apt/lists",
    "./usr/share/doc",
    "./usr/share/locale",
    "./usr/share/man",
];
/// The folder of the build context with the programs.
pub const PREBUILT: &str = "bin";
/// The folder of the Dockerfile and of what it copies.
const RECIPE: &str = ".docker";
const PROGRAMS: [&str; 6] =
    ["mooringd", "mooring-resource", "mooring-binding", "mooring-health", "mooring-dataplane-sync", "moor"];

/// The images' names.
pub struct Images {
    pub base: String,
    pub nats: String,
    pub mooring: String,
    pub demo: String,
}

impl Images {
    /// Makes the base and NATS's. The other two are for the compose file to build, out of [`context`].
    pub fn make(engine: &Engine, folder: &Path) -> Result<Self> {
        let tag = std::process::id();
        let name = |what: &str| format!("mooring-test-{what}:{tag}");
        let images =
            Self { base: name("base"), nats: name("nats"), mooring: name("mooring"), demo: name("demo") };
        output(engine.docker().arg("import").arg(base(folder)?).arg(&images.base))?;
        let nats = folder.join("nats");
        fresh(&nats)?;
        fs::copy(in_path("nats-server")?, nats.join("nats-server")).context("cannot copy nats-server")?;
        fs::write(
            nats.join("Dockerfile"),
            format!("FROM {}\nCOPY nats-server /usr/local/bin/\n", images.base),
        )?;
        output(engine.docker().args(["build", "--quiet", "--tag", &images.nats]).arg(&nats))?;
        Ok(images)
    }

    /// Removes them; an engine of our own forgets them anyway.
    pub fn remove(&self, engine: &Engine) -> Result<()> {
        let names = [&self.mooring, &self.demo, &self.nats, &self.base];
        output(engine.docker().args(["image", "rm", "--force"]).args(names))?;
        let stage = format!("label=mooring.prebuilt={PREBUILT}");
        output(engine.docker().args(["image", "prune", "--force", "--filter", &stage])).map(drop)
    }
}

/// The base as a tar file: made once for a list of packages.
fn base(folder: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (SUITE, PACKAGES, LEFT_OUT).hash(&mut hasher);
    let tar = folder.join(format!("base-{:016x}.tar", hasher.finish()));
    if tar.is_file() {
        println!("base image: {} is there", tar.display());
        return Ok(tar);
    }
    let root = folder.join("base");
    fresh(&root)?;
    let log = folder.join("debootstrap.log");
    let include = format!("--include={PACKAGES}");
    let made = run::succeed(
        Command::new(in_path("debootstrap")?)
            .args(["--variant=minbase", &include, SUITE])
            .arg(&root)
            .stdout(File::create(&log)?),
    );
    made.with_context(|| format!("see {}", log.display()))?;
    let unfinished = tar.with_extension("new");
    let mut pack = Command::new("tar");
    pack.args(LEFT_OUT.map(|path| format!("--exclude={path}")));
    output(pack.arg("-C").arg(&root).arg("-cf").arg(&unfinished).arg("."))?;
    fs::rename(&unfinished, &tar)?;
    fs::remove_dir_all(&root)?;
    Ok(tar)
}

/// A build context of the Dockerfile with the programs in it, without what debuggers need.
pub fn context(folder: &Path) -> Result<PathBuf> {
    let context = folder.join("context");
    fresh(&context.join(PREBUILT))?;
    fresh(&context.join(RECIPE))?;
    for entry in fs::read_dir(tree::root().join(RECIPE))? {
        let entry = entry?;
        fs::copy(entry.path(), context.join(RECIPE).join(entry.file_name()))?;
    }
    for program in PROGRAMS {
        output(
            Command::new("strip")
                .arg("-o")
                .arg(context.join(PREBUILT).join(program))
                .arg(demo::built(program)?),
        )?;
    }
    Ok(context)
}

fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
