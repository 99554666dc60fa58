//! The settings in effect, as a file that can be read back, each with its source. No secret gets in here: passwords are
//! only ever read from files, and whoever stands in a URL is masked.

use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::Value;

use super::settings;

pub(super) fn text(
    command: &Command,
    matches: &ArgMatches,
    source: impl Fn(&Arg) -> Option<String>,
) -> String {
    let line = |(long, arg): (&str, &Arg)| match (value(arg, matches), source(arg)) {
        (Some(value), Some(source)) => format!("{long} = {value} # {source}\n"),
        _ => format!("# {long} is not set\n"),
    };
    settings(command).map(line).collect()
}

fn value(arg: &Arg, matches: &ArgMatches) -> Option<Value> {
    let id = arg.get_id().as_str();
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return Some(Value::Boolean(matches.get_flag(id)));
    }
    let values = matches.try_get_raw(id).ok()??.map(|value| masked(&value.to_string_lossy()));
    let mut values: Vec<_> = values.map(Value::String).collect();
    match arg.get_action() {
        ArgAction::Append => Some(Value::Array(values)),
        _ => values.pop(),
    }
}

/// The text with what stands before the @ of a URL's host replaced, also where a password has a comma in it.
fn masked(text: &str) -> String {
    let mut parts = text.split("://");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |masked, part| {
        let host = part.split('/').next().unwrap_or_default();
        let (who, rest) = host.rfind('@').map_or(("", part), |at| ("***", &part[at..]));
        format!("{masked}://{who}{rest}")
    })
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn who_stands_in_a_url_is_masked_and_nothing_else() {
        assert_eq!(masked("nats://me:secret@h1:4222,nats://h2:4222"), "nats://***@h1:4222,nats://h2:4222");
        assert_eq!(masked("http://host:8222/a@b"), "http://host:8222/a@b");
        assert_eq!(masked("nats://me:p@ss@h"), "nats://***@h");
        assert_eq!(masked("nats://me:p,s@h1,nats://you:q@h2"), "nats://***@h1,nats://***@h2");
        assert_eq!(masked("/etc/a@b"), "/etc/a@b");
    }
}
