//! `moor log users`: the users that Mooring needs on a NATS server, each with what it must be allowed and nothing else,
//! as a block of the server's configuration.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use clap::Args;
use mooring_domain::name::RegionId;
use mooring_event_log::{
    StreamName,
    jetstream::{Permissions, settings},
};
use serde_json::{Value, json};

use super::nats::regions;
use crate::{failure::Failure, invocation::Invocation, resolve::Argument};

/// Those who append, each to its own stream of every region.
const WRITERS: [&str; 3] = ["resource", "binding", "health"];
/// The one who only reads.
const READER: &str = "dataplane-sync";
/// The one who makes JetStream streams, and copies logs.
const ADMIN: &str = "admin";
/// The one of the system account, which sees whether the servers sync.
const MONITOR: &str = "monitor";

/// Print the users for a NATS server's configuration, each with the least permissions
///
/// Put the block into the server's configuration file and load it again. Each service takes its user by --nats-user,
/// and its password by --nats-password-file; a region that is added later is added by doing it again.
#[derive(Debug, Args)]
pub struct Users {
    /// The regions [default: --region]
    #[arg(value_name = "REGION")]
    regions: Vec<RegionId>,
    /// The folder with a file for each user's password. One that is missing is made, with a random password; the rest
    /// stay as they are
    #[arg(long, value_name = "FOLDER")]
    passwords: PathBuf,
}

/// One user of the server.
struct User {
    name: String,
    password: String,
    permissions: Permissions,
}

impl Users {
    /// Prints the block. The files of passwords are there first.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let regions = regions(moor, self.regions)?;
        let folder = |error| {
            let what = format!("{}: {error}", self.passwords.display());
            Failure::argument(Argument::new("--passwords", ""), &what)
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.passwords).map_err(folder)?;
        let user = |name: &str, permissions| {
            let name = format!("mooring-{name}");
            let password = password(&self.passwords, &name).map_err(folder)?;
            Ok::<_, Failure>(User { name, password, permissions })
        };
        let mut users = Vec::new();
        for service in WRITERS {
            users.push(user(service, of_service(&regions, Some(service)))?);
        }
        users.push(user(READER, of_service(&regions, None))?);
        users.push(user(ADMIN, of_admin(&regions))?);
        let everything = Permissions { publish: vec![">".to_owned()], subscribe: vec![">".to_owned()] };
        let monitor = user(MONITOR, everything)?;
        moor.output.say(&block(&regions, &users, &monitor), &value(&users, &monitor))
    }
}

/// What a service does in all of the regions: its process logs in once.
fn of_service(regions: &[RegionId], writes: Option<&str>) -> Permissions {
    let stream = writes.map(StreamName::new);
    let each = regions.iter().map(|region| Permissions::of(region.as_str(), &stream));
    each.reduce(|all, one| Permissions { publish: [all.publish, one.publish].concat(), ..all })
        .unwrap_or_else(|| Permissions { publish: Vec::new(), subscribe: Vec::new() })
}

/// Everything that reading needs, and making a JetStream stream, and writing a whole log into it. Not deleting one,
/// nor changing it.
fn of_admin(regions: &[RegionId]) -> Permissions {
    let mut permissions = of_service(regions, None);
    for region in regions {
        let region = region.as_str();
        permissions.publish.push(format!("$JS.API.STREAM.CREATE.{}", settings::name(region)));
        permissions.publish.push(settings::subjects(region));
    }
    permissions.publish.push("$JS.API.STREAM.NAMES".to_owned());
    permissions
}

fn block(regions: &[RegionId], users: &[User], monitor: &User) -> String {
    let regions = regions.iter().map(RegionId::as_str).collect::<Vec<_>>().join(", ");
    let users: Vec<_> = users.iter().map(|user| format!("      {}\n", line(user))).collect();
    format!(
        "# The users of Mooring, for {regions}. Made by `moor log users`; it holds passwords.\n\
         accounts {{\n  mooring: {{\n    jetstream: enabled\n    users: [\n{}    ]\n  }}\n  \
         mooring-system: {{\n    users: [ {{ user: {}, password: {} }} ]\n  }}\n}}\n\
         system_account: mooring-system",
        users.concat(),
        quoted(&monitor.name),
        quoted(&monitor.password),
    )
}

fn line(user: &User) -> String {
    let list = |subjects: &[String]| subjects.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ");
    let Permissions { publish, subscribe } = &user.permissions;
    format!(
        "{{ user: {}, password: {}, permissions: {{\n        publish: [ {} ]\n        subscribe: [ {} ]\n      }} }}",
        quoted(&user.name),
        quoted(&user.password),
        list(publish),
        list(subscribe),
    )
}

/// In quotes nothing is a variable, a number or a comment; neither names nor passwords have quotes in them.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn value(users: &[User], monitor: &User) -> Value {
    let value = |user: &User| {
        let Permissions { publish, subscribe } = &user.permissions;
        json!({"user": user.name, "password": user.password, "publish": publish, "subscribe": subscribe})
    };
    json!({"users": users.iter().map(value).collect::<Value>(), "system_user": value(monitor)})
}

/// The user's password: the one in its file, or a fresh one that is written there.
fn password(folder: &Path, user: &str) -> io::Result<String> {
    let path = folder.join(user);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let password = random()?;
            file.write_all(format!("{password}\n").as_bytes()).and_then(|()| file.sync_all())?;
            Ok(password)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => known(&path),
        Err(error) => Err(error),
    }
}

fn known(path: &Path) -> io::Result<String> {
    let text = fs::read_to_string(path)?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() || !password.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\')) {
        let why = format!("{} must have one line of visible characters without \" and \\", path.display());
        return Err(io::Error::other(why));
    }
    Ok(password.to_owned())
}

/// 192 bits of the kernel's, in hexadecimal.
fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 24];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
