//! Which NATS servers, as whom, and over what: read from flags once, checked before anything is connected.
//!
//! A password is in here and nowhere else: neither the `Debug` nor the `Display` of anything shows it, and the
//! addresses that the NATS client logs have none in them.

mod link;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_nats::{ConnectOptions, ServerAddr};

pub use self::link::{ConnectFailed, Connected, Link};

/// A connection attempt, TLS and login included, is given up after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A question that is not answered in this time is asked again by whoever needs the answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that leaves three of these unanswered is taken for gone, and the next one tried.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// The longest wait before the next attempt to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What the flags say about the login, unread: the names of files, and of the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// `--nats-user`
    pub user: Option<String>,
    /// `--nats-password-file`: one line.
    pub password_file: Option<PathBuf>,
    /// `--nats-credentials`: a `.creds` file, with a JWT and a seed.
    pub credentials: Option<PathBuf>,
    /// `--nats-ca`: whom to trust instead of the machine's own list. Asks for TLS.
    pub ca: Option<PathBuf>,
    /// `--nats-cert`: a certificate of our own. Asks for TLS.
    pub cert: Option<PathBuf>,
    /// `--nats-key`: its key.
    pub key: Option<PathBuf>,
}

/// A flag that can't be used: its name is part of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flag}: {why}")]
pub struct BadFlag {
    /// The flag, or the argument.
    pub flag: Arc<str>,
    /// What is wrong with it.
    pub why: Arc<str>,
}

/// One NATS, by the addresses of its servers, and how to log in there.
#[derive(Clone)]
pub struct Servers {
    addresses: Vec<ServerAddr>,
    who: Who,
    /// TLS, or no connection.
    tls: bool,
    ca: Option<PathBuf>,
    cert: Option<(PathBuf, PathBuf)>,
}

#[derive(Clone)]
enum Who {
    Anybody,
    User { name: String, password: String },
    Credentials(String),
}

impl Servers {
    /// Reads `nats://h1:4222,tls://h2:4222` as the value of the flag (or argument) `flag`, and every file of the login.
    /// A user and password can be part of an address: `nats://user:password@h1:4222`.
    ///
    /// # Errors
    /// Names the flag that can't be used, and why.
    pub fn parse(flag: &str, urls: &str, login: &Login) -> Result<Self, BadFlag> {
        let mut addresses = Vec::new();
        let mut in_url = None;
        for url in urls.split(',').map(str::trim) {
            let (address, user) = address(flag, url)?;
            addresses.push(address);
            match (&in_url, user) {
                (None, user) => in_url = user,
                (Some(known), Some(user)) if *known != user => {
                    return Err(bad(
                        flag,
                        "the addresses name different users; they must be servers of one NATS",
                    ));
                }
                _ => {}
            }
        }
        let who = who(flag, in_url, login)?;
        let tls =
            addresses.iter().any(ServerAddr::tls_required) || login.ca.is_some() || login.cert.is_some();
        let ca = login.ca.as_deref().map(|path| pem("--nats-ca", path, "CERTIFICATE")).transpose()?;
        let cert = match (&login.cert, &login.key) {
            (None, None) => None,
            (Some(_), None) => return Err(bad("--nats-cert", "needs --nats-key")),
            (None, Some(_)) => return Err(bad("--nats-key", "needs --nats-cert")),
            (Some(cert), Some(key)) => {
                Some((pem("--nats-cert", cert, "CERTIFICATE")?, pem("--nats-key", key, "PRIVATE KEY")?))
            }
        };
        Ok(Self { addresses, who, tls, ca, cert })
    }

    /// Connects, one attempt for each address, in random order. Once connected, a connection that is lost is made
    /// again for as long as the client lives; [`Connected::link`] tells when.
    ///
    /// `name` is how this process is called in the server's list of connections.
    ///
    /// # Errors
    /// Whether it is worth another try: see [`ConnectFailed`].
    pub async fn connect(&self, name: &str) -> Result<Connected, ConnectFailed> {
        let (options, link) = link::watched(self.options().name(name));
        match options.connect(&self.addresses).await {
            Ok(client) => Ok(Connected { client, link, servers: self.clone() }),
            Err(error) => Err(ConnectFailed::new(self, &error)),
        }
    }

    /// Who is logged in, for messages.
    pub fn user(&self) -> &str {
        match &self.who {
            Who::Anybody => "nobody",
            Who::User { name, .. } => name,
            Who::Credentials(_) => "the user of --nats-credentials",
        }
    }

    fn options(&self) -> ConnectOptions {
        let mut options = match &self.who {
            Who::Anybody => ConnectOptions::new(),
            Who::User { name, password } => {
                ConnectOptions::with_user_and_password(name.clone(), password.clone())
            }
            // Read once already, when it was parsed: it can't fail any more.
            Who::Credentials(text) => ConnectOptions::with_credentials(text).unwrap_or_default(),
        };
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((cert, key)) = &self.cert {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        options
            .require_tls(self.tls)
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(Some(REQUEST_TIMEOUT))
            .ping_interval(PING_INTERVAL)
            .reconnect_delay_callback(wait_before)
    }
}

/// At once, then 8 to 16 ms, and twice as long each time. The jitter keeps the processes of a region from coming back
/// to a server that has just started in one wave.
fn wait_before(attempt: usize) -> Duration {
    let Some(doublings) = attempt.checked_sub(2) else { return Duration::ZERO };
    let longest = Duration::from_millis(16 << doublings.min(10)).min(LONGEST_WAIT);
    longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
}

type User = (String, String);

/// An address without its user, so that nothing which shows it shows a password.
fn address(flag: &str, url: &str) -> Result<(ServerAddr, Option<User>), BadFlag> {
    // What is wrong is said without the text: it can hold a password.
    let wrong =
        || bad(flag, "expected nats://HOST:PORT or tls://HOST:PORT, several with commas between them");
    let parsed: ServerAddr = url.parse().map_err(|_| wrong())?;
    let nothing_else = matches!(parsed.scheme(), "nats" | "tls") && !parsed.host().is_empty();
    let plain = parsed.clone().into_inner();
    if !nothing_else || !matches!(plain.path(), "" | "/") || plain.query().is_some() {
        return Err(wrong());
    }
    let user = parsed.username().map(|name| (decoded(name), decoded(parsed.password().unwrap_or_default())));
    let host = plain.host_str().unwrap_or_default();
    let bare = format!("{}://{host}:{}", parsed.scheme(), parsed.port());
    Ok((bare.parse().map_err(|_| wrong())?, user))
}

/// `%40` is how an `@` is written in a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn who(flag: &str, in_url: Option<User>, login: &Login) -> Result<Who, BadFlag> {
    let ways = [in_url.is_some(), login.user.is_some(), login.credentials.is_some()];
    if ways.into_iter().filter(|given| *given).count() > 1 {
        let why = format!("there is more than one login: a user in {flag}, --nats-user, --nats-credentials");
        return Err(bad(flag, &why));
    }
    match (&login.user, &login.password_file) {
        (Some(_), None) => return Err(bad("--nats-user", "needs --nats-password-file")),
        (None, Some(_)) => return Err(bad("--nats-password-file", "needs --nats-user")),
        (Some(name), Some(path)) => {
            let text = read("--nats-password-file", path)?;
            let password = text.lines().next().unwrap_or_default().to_owned();
            if password.is_empty() {
                return Err(bad("--nats-password-file", &format!("{} is empty", path.display())));
            }
            return Ok(Who::User { name: name.clone(), password });
        }
        (None, None) => {}
    }
    if let Some(path) = &login.credentials {
        let text = read("--nats-credentials", path)?;
        if ConnectOptions::with_credentials(&text).is_err() {
            let why = format!("{} is no .creds file: expected a user JWT and an NKEY seed", path.display());
            return Err(bad("--nats-credentials", &why));
        }
        return Ok(Who::Credentials(text));
    }
    Ok(in_url.map_or(Who::Anybody, |(name, password)| Who::User { name, password }))
}

fn pem(flag: &str, path: &Path, what: &str) -> Result<PathBuf, BadFlag> {
    let text = read(flag, path)?;
    let there = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(what));
    if !there {
        return Err(bad(flag, &format!("{} has no PEM block with a {what}", path.display())));
    }
    Ok(path.to_owned())
}

fn read(flag: &str, path: &Path) -> Result<String, BadFlag> {
    fs::read_to_string(path).map_err(|error| bad(flag, &format!("can't read {}: {error}", path.display())))
}

fn bad(flag: &str, why: &str) -> BadFlag {
    BadFlag { flag: flag.into(), why: why.into() }
}

/// The addresses as they were given, without any user.
impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, address) in self.addresses.iter().enumerate() {
            write!(f, "{}{}", if n > 0 { "," } else { "" }, address.as_url_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} as {}", self.user())
    }
}

#[cfg(test)]
#[path = "connect/stories.rs"]
mod stories;
