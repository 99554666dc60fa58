//! Everything that is printed: results on stdout, failures on stderr, as tables or as JSON.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use serde_json::Value;

use crate::{
    failure::{Exit, Failure},
    json,
    labels::Labels,
    preview::Preview,
    table,
};

/// How results and failures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    Table,
    /// JSON with the API's field names, for programs.
    Json,
}

/// A message of the API that can stand in a table.
pub trait Row: prost::Message {
    /// Its full name in `proto/`.
    const PROTO: &'static str;
    /// The word for several.
    const PLURAL: &'static str;
    /// The headings of its columns.
    const COLUMNS: &'static [&'static str];
    /// The names in it that people would rather see as display names.
    fn mentions(&self) -> Vec<&str>;
    /// One cell for each column.
    fn cells(&self, labels: &Labels) -> Vec<String>;
    /// What there is no room for in a table, and is shown of one alone.
    fn more(&self, _: &Labels) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// One thing, for people: a line for each column, and for what is shown of one alone.
fn alone<R: Row>(row: &R, labels: &Labels) -> String {
    let (more, of_more): (Vec<_>, Vec<_>) = row.more(labels).into_iter().unzip();
    table::of_one(&[R::COLUMNS, &more].concat(), &[row.cells(labels), of_more].concat())
}

impl Format {
    /// Prints one thing.
    pub fn one<R: Row>(self, row: &R, labels: &Labels) -> Result<(), Failure> {
        match self {
            Self::Table => print(&alone(row, labels)),
            Self::Json => pretty(&json::of(R::PROTO, row)?),
        }
    }

    /// Prints one thing as it would be, and what would be stored.
    pub fn preview<R: Row>(self, row: &R, labels: &Labels, preview: &Preview) -> Result<(), Failure> {
        match self {
            Self::Table => print(&format!("{}\n\n{}", alone(row, labels), preview.text())),
            Self::Json => pretty(&preview.json(json::of(R::PROTO, row)?)?),
        }
    }

    /// Prints a list, and says so when it is empty.
    pub fn all<R: Row>(self, rows: &[R], labels: &Labels) -> Result<(), Failure> {
        match self {
            Self::Table if rows.is_empty() => print(&format!("no {}", R::PLURAL)),
            Self::Table => {
                let cells: Vec<_> = rows.iter().map(|row| row.cells(labels)).collect();
                print(&table::of_rows(R::COLUMNS, &cells))
            }
            Self::Json => {
                pretty(&rows.iter().map(|row| json::of(R::PROTO, row)).collect::<Result<Value, _>>()?)
            }
        }
    }

    /// Prints a sentence for people, or a value for programs.
    pub fn say(self, sentence: &str, value: &Value) -> Result<(), Failure> {
        match self {
            Self::Table => print(sentence),
            Self::Json => pretty(value),
        }
    }

    /// Prints a failure and ends with its exit code. A reader of our output that went away is no failure.
    pub fn failure(self, failure: &Failure) -> ExitCode {
        if failure.exit != Exit::Done {
            let text = if self == Self::Json { failure.json().to_string() } else { failure.text() };
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(io::stderr(), "{text}");
        }
        failure.exit.into()
    }
}

/// Prints one line, or several, at once.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|cause| match cause.kind() {
        ErrorKind::BrokenPipe => Failure { exit: Exit::Done, ..Failure::output(&cause) },
        _ => Failure::output(&cause),
    })
}

fn pretty(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}"))
}
