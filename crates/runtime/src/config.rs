//! What a process is told: flags, then the environment, then a file, then defaults, for any clap parser. The keys of the
//! file are the long names of the flags, so there is one list of settings and one place that checks their values.

mod file;
mod print;
#[cfg(test)]
mod stories;

use std::{collections::BTreeMap, ffi::OsString, fmt::Display, io::Write, path::PathBuf, process::exit};

use clap::{
    Arg, ArgMatches, Args, Command, Error, Parser,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use self::file::File;

/// The flags of the configuration itself; flatten them into a parser.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigArgs {
    /// A TOML file of settings; its keys are the long names of these flags. The environment and flags count before it.
    #[arg(long, env = "MOORING_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print every setting as it is in effect, and where it comes from, as such a file; then exit.
    #[arg(long)]
    pub print_config: bool,
}

/// What was asked for.
#[derive(Debug)]
pub enum Asked<T> {
    /// To run, with these settings.
    Run(T),
    /// To print the settings in effect.
    Print(String),
}

/// The settings of this process. Ends it where they are wrong (2), and where it was only asked to print them (0).
pub fn parse<T: Parser>() -> T {
    match read(std::env::args_os()) {
        Ok(Asked::Run(settings)) => settings,
        Ok(Asked::Print(text)) => exit(match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => 0,
            Err(_) => 1,
        }),
        Err(error) => error.exit(),
    }
}

/// The settings of a command line, its first word the program's name.
///
/// # Errors
/// As clap has them. A wrong value that came from the environment or the file is named with its variable, or its key
/// and the file.
pub fn read<T: Parser>(line: impl IntoIterator<Item = OsString>) -> Result<Asked<T>, Error> {
    let command = without_empty_variables(T::command());
    let line: Vec<OsString> = line.into_iter().collect();
    let mut told = Told { command: &command, line, file: None, from_file: BTreeMap::new() };
    let given = told.given()?;
    if let Some(path) = given.try_get_one::<PathBuf>("config").ok().flatten() {
        told.add(File::read(path, &command)?, &given);
    }
    let matches = told.matches()?;
    if matches.try_get_one::<bool>("print_config").ok().flatten() == Some(&true) {
        return Ok(Asked::Print(print::text(&command, &matches, |arg| told.source(arg, &matches))));
    }
    Ok(Asked::Run(T::from_arg_matches(&matches).map_err(|error| error.format(&mut command.clone()))?))
}

/// A variable that is set to nothing counts as not set: that is how compose files and unit files leave one out.
fn without_empty_variables(command: Command) -> Command {
    command.mut_args(|arg| {
        let empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if empty { arg.env(Resettable::Reset) } else { arg }
    })
}

/// The flags that a person sets, by their long names.
fn settings(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let own = ["help", "version", "config", "print_config"];
    let settable = command.get_arguments().filter(move |arg| !own.contains(&arg.get_id().as_str()));
    settable.filter_map(|arg| arg.get_long().map(|long| (long, arg)))
}

fn wrong(message: impl Display) -> Error {
    Error::raw(ErrorKind::ValueValidation, format!("{message}\n"))
}

/// Everything that the process has been told, by whom.
struct Told<'a> {
    command: &'a Command,
    /// The command line, its first word the program's name.
    line: Vec<OsString>,
    file: Option<File>,
    /// What the file says and nothing before it does: as flags, by their long names.
    from_file: BTreeMap<String, Vec<OsString>>,
}

impl Told<'_> {
    /// What flags and the environment say. What is missing may yet come from the file.
    fn given(&self) -> Result<ArgMatches, Error> {
        let relaxed = self.command.clone().mut_args(|arg| arg.required(false));
        relaxed.try_get_matches_from(&self.line).map_err(|error| {
            // The help and the usage of the command as it is.
            let complete = self.command.clone().try_get_matches_from(&self.line).err();
            self.named(complete.unwrap_or(error))
        })
    }

    fn add(&mut self, file: File, given: &ArgMatches) {
        let unsaid = |arg: &Arg| {
            let source = given.value_source(arg.get_id().as_str());
            !matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        };
        for (long, _) in settings(self.command).filter(|(_, arg)| unsaid(arg)) {
            if let Some(flags) = file.flags(long) {
                self.from_file.insert(long.to_owned(), flags);
            }
        }
        self.file = Some(file);
    }

    /// What everybody says together.
    fn matches(&self) -> Result<ArgMatches, Error> {
        let program = self.line.iter().take(1);
        let words = program.chain(self.from_file.values().flatten()).chain(self.line.iter().skip(1));
        self.command.clone().try_get_matches_from(words).map_err(|error| self.named(error))
    }

    /// Where the value in effect comes from; `None` when there is none.
    fn source(&self, arg: &Arg, matches: &ArgMatches) -> Option<String> {
        let source = matches.value_source(arg.get_id().as_str())?;
        let long = arg.get_long()?;
        Some(match (source, &self.file, arg.get_env()) {
            (_, Some(file), _) if self.from_file.contains_key(long) => {
                format!("file {}", file.path.display())
            }
            (ValueSource::CommandLine, ..) => format!("flag --{long}"),
            (ValueSource::EnvVariable, _, Some(variable)) => format!("environment {}", variable.display()),
            _ => "default".to_owned(),
        })
    }

    /// Clap's error with the variable, or the key and the file, that the wrong value stands in.
    fn named(&self, error: Error) -> Error {
        let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else { return error };
        let wrong = wrong.trim_start_matches("--").split([' ', '=']).next().unwrap_or_default();
        let Some((long, arg)) = settings(self.command).find(|(long, _)| *long == wrong) else { return error };
        let flag = format!("--{long}");
        let a_flag = self.line.iter().any(|word| word.to_string_lossy().split('=').next() == Some(&flag));
        let place = match (&self.file, arg.get_env()) {
            (Some(file), _) if self.from_file.contains_key(long) => file.place(long),
            (_, Some(variable)) if !a_flag && std::env::var_os(variable).is_some() => {
                variable.display().to_string()
            }
            _ => return error,
        };
        let said = error.to_string();
        Error::raw(error.kind(), format!("{place}: {}", said.strip_prefix("error: ").unwrap_or(&said)))
    }
}
