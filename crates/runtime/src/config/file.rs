//! The file of settings: TOML, one key for each flag, no tables. What it says is handed on as flags, so that its values
//! are checked where all others are.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{ArgAction, Command, Error};
use toml::{Table, Value};

use super::{settings, wrong};

/// A file that was read and has no key that is none.
pub(super) struct File {
    pub(super) path: PathBuf,
    flags: Vec<(String, Vec<OsString>)>,
}

impl File {
    pub(super) fn read(path: &Path, command: &Command) -> Result<Self, Error> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| wrong(format_args!("{shown}: {error}")))?;
        let table: Table = text.parse().map_err(|error| wrong(format_args!("{shown}: {error}")))?;
        let mut file = Self { path: path.to_owned(), flags: Vec::new() };
        for (key, value) in &table {
            let Some((long, arg)) = settings(command).find(|(long, _)| long == key) else {
                let known: Vec<_> = settings(command).map(|(long, _)| long).collect();
                let place = file.place(key);
                return Err(wrong(format_args!(
                    "{place}: there is no such key; there are {}",
                    known.join(", ")
                )));
            };
            let flags = flags(long, value, arg.get_action());
            let flags = flags.map_err(|rule| wrong(format_args!("{}: {rule}", file.place(key))))?;
            file.flags.push((key.clone(), flags));
        }
        Ok(file)
    }

    /// What it says of a key, as flags; `None` when it does not say anything.
    pub(super) fn flags(&self, long: &str) -> Option<Vec<OsString>> {
        self.flags.iter().find(|(key, _)| key == long).map(|(_, flags)| flags.clone())
    }

    /// Where something is wrong, for people.
    pub(super) fn place(&self, key: &str) -> String {
        format!("{}, key {key}", self.path.display())
    }
}

fn flags(long: &str, value: &Value, action: &ArgAction) -> Result<Vec<OsString>, &'static str> {
    let flag = |value: String| OsString::from(format!("--{long}={value}"));
    match (action, value) {
        (ArgAction::SetTrue, Value::Boolean(true)) => Ok(vec![format!("--{long}").into()]),
        (ArgAction::SetTrue, Value::Boolean(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, _) => Err("must be true or false"),
        (ArgAction::Append, Value::Array(values)) => {
            values.iter().map(|value| scalar(value).map(flag)).collect()
        }
        (_, Value::Array(_)) => Err("must be one value, not a list"),
        (_, value) => Ok(vec![flag(scalar(value)?)]),
    }
}

fn scalar(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            Err("must be a text, a whole number, true or false")
        }
    }
}
