//! The stack of `docker-compose.yml`, as a project of its own, with our images instead of the pulled ones.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::ask::{output, until};
use super::engine::{Engine, PARENTS};
use super::images::{self, Images};
use crate::tree;

/// The services with a health check.
pub const SERVICES: [&str; 6] =
    ["nats", "resource", "binding", "health", "dataplane-sync-1", "dataplane-sync-2"];
/// What of the above listens on a published port.
pub const PUBLISHED: [(&str, u16); 5] = [
    ("resource", 7441),
    ("binding", 7442),
    ("health", 7443),
    ("dataplane-sync-1", 7444),
    ("dataplane-sync-2", 7444),
];
const HEALTHY: Duration = Duration::from_secs(120);

/// The project, up or not.
pub struct Stack<'a> {
    pub engine: &'a Engine,
    images: &'a Images,
    project: String,
    /// `docker-compose`, or the words of another (`COMPOSE`).
    compose: Vec<String>,
    settings: Vec<(&'static str, String)>,
}

/// What the engine says of one container.
#[derive(Debug)]
pub struct Container {
    pub id: String,
    /// As the engine counts; 0 when it does not run.
    pub pid: u32,
    pub health: String,
}

impl<'a> Stack<'a> {
    /// Builds what the compose file builds; nothing runs yet.
    pub fn build(engine: &'a Engine, images: &'a Images, folder: &Path) -> Result<Self> {
        let context = images::context(folder)?.display().to_string();
        let mut settings = vec![
            ("MOORING_CONTEXT", context),
            ("BASE_IMAGE", images.base.clone()),
            ("RUST_IMAGE", images.base.clone()),
            ("PREBUILT", images::PREBUILT.to_owned()),
            ("MOORING_IMAGE", images.mooring.clone()),
            ("DEMO_IMAGE", images.demo.clone()),
            ("NATS_IMAGE", images.nats.clone()),
        ];
        // Ports that are free: somebody may use the usual ones.
        let ports = ["RESOURCE_PORT", "BINDING_PORT", "HEALTH_PORT", "GW_1_PORT", "GW_2_PORT"];
        settings.extend(ports.map(|port| (port, String::new())));
        if engine.is_own() {
            let [inside, outside] = PARENTS.map(str::to_owned);
            settings.extend([("INSIDE_PARENT", inside), ("OUTSIDE_PARENT", outside)]);
        }
        let words = std::env::var("COMPOSE").unwrap_or_else(|_| "docker-compose".to_owned());
        let compose = words.split_whitespace().map(str::to_owned).collect();
        let project = format!("mooring-test-{}", std::process::id());
        let stack = Self { engine, images, project, compose, settings };
        println!("compose: {}", stack.compose(&["version", "--short"])?);
        stack.compose(&["build", "init", "client"])?;
        Ok(stack)
    }

    /// Brings everything up, the demo's hosts too, and waits until all that has a health check is healthy.
    pub fn up(&self) -> Result<Duration> {
        self.compose(&["up", "--detach", "--no-build"])?;
        let (_, took) = until("every service to be healthy", HEALTHY, || {
            SERVICES.iter().try_for_each(|service| self.healthy(service).map(drop))
        })?;
        Ok(took)
    }

    /// Removes containers, networks and volumes, and finds none left.
    pub fn down(&self) -> Result<()> {
        self.compose(&["down", "--volumes", "--timeout", "5"])?;
        let label = format!("label=com.docker.compose.project={}", self.project);
        for (kind, list) in [("container", "ls --all"), ("network", "ls"), ("volume", "ls")] {
            let mut command = self.engine.docker();
            let left = output(command.arg(kind).args(list.split(' ')).args(["--quiet", "--filter", &label]))?;
            ensure!(left.is_empty(), "`down` left a {kind}: {left}");
        }
        Ok(())
    }

    /// Removes the images too.
    pub fn remove_images(&self) -> Result<()> {
        self.images.remove(self.engine)
    }

    /// One service's container, which must be healthy.
    pub fn healthy(&self, service: &str) -> Result<Container> {
        let container = self.container(service)?;
        ensure!(container.health == "healthy", "{service} is {}", container.health);
        Ok(container)
    }

    /// One service's container.
    pub fn container(&self, service: &str) -> Result<Container> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let of = format!("label=com.docker.compose.service={service}");
        let id = output(
            self.engine.docker().args(["ps", "--all", "--quiet", "--filter", &project, "--filter", &of]),
        )?;
        ensure!(!id.is_empty(), "{service} has no container");
        let format = "{{.State.Pid}} {{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}} {{.State.ExitCode}}{{end}}";
        let said = output(self.engine.docker().args(["inspect", "--format", format, &id]))?;
        let (pid, health) = said.split_once(' ').with_context(|| format!("{service}: {said:?}"))?;
        Ok(Container { id, pid: pid.parse()?, health: health.to_owned() })
    }

    /// Runs a command in a service's container and gives what it says.
    pub fn exec(&self, service: &str, words: &[&str]) -> Result<String> {
        let id = self.container(service)?.id;
        output(self.engine.docker().args(["exec", &id]).args(words))
    }

    /// Runs `moor` in its container.
    pub fn moor(&self, line: &str) -> Result<String> {
        let words: Vec<&str> = std::iter::once("moor").chain(line.split_whitespace()).collect();
        self.exec("moor", &words)
    }

    /// Kills a service's first process as the kernel would; the engine was not asked, so it restarts what it should.
    pub fn kill9(&self, service: &str) -> Result<Container> {
        let container = self.container(service)?;
        let Container { pid, .. } = container;
        ensure!(pid != 0, "{service} does not run");
        output(self.engine.at_home("sh").args(["-c", &format!("kill -9 {pid}")]))?;
        Ok(container)
    }

    /// Where a service's port is published.
    pub fn published(&self, service: &str, port: u16) -> Result<String> {
        let id = self.container(service)?.id;
        output(self.engine.docker().args(["port", &id, &port.to_string()]))
    }

    /// How every container is, and what those said last that are not well.
    pub fn report(&self) -> String {
        let mut report = self.compose(&["ps"]).unwrap_or_else(|error| format!("{error:#}"));
        for service in SERVICES.iter().chain(&["init", "log-init", "client", "vm-a", "vm-b"]) {
            let Ok(container) = self.container(service) else { continue };
            if matches!(&*container.health, "healthy" | "running 0" | "exited 0") {
                continue;
            }
            let mut logs = self.engine.docker();
            let said = both(logs.args(["logs", "--tail", "30", &container.id]));
            report.push_str(&format!("\n-- {service} is {}\n{said}", container.health));
        }
        report
    }

    fn compose(&self, words: &[&str]) -> Result<String> {
        let Some((program, first)) = self.compose.split_first() else { bail!("COMPOSE is empty") };
        let mut command = self.engine.client(program);
        command.args(first).args(["--profile", "demo", "--project-name", &self.project]);
        command.args(words).envs(self.settings.iter().map(|(name, value)| (name, value)));
        output(command.current_dir(tree::root()))
    }
}

/// What a command says, on either output.
fn both(command: &mut Command) -> String {
    match command.output() {
        Ok(done) => {
            [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
        }
        Err(error) => error.to_string(),
    }
}
