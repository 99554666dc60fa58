//! `moor completion`: what a shell needs to complete verbs and flags.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{aot, generate};

use crate::{args::Arguments, failure::Failure, output};

/// Print a script that makes a shell complete moor's verbs and flags
#[derive(Debug, Args)]
pub struct Completion {
    /// Which shell
    shell: Shell,
}

/// A shell that there is a script for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    /// ~/.local/share/bash-completion/completions/moor
    Bash,
    /// a file _moor in a folder of $fpath
    Zsh,
    /// ~/.config/fish/completions/moor.fish
    Fish,
}

impl Completion {
    /// Prints it.
    pub fn run(&self) -> Result<(), Failure> {
        let shell = match self.shell {
            Shell::Bash => aot::Shell::Bash,
            Shell::Zsh => aot::Shell::Zsh,
            Shell::Fish => aot::Shell::Fish,
        };
        let mut script = Vec::new();
        generate(shell, &mut Arguments::command(), "moor", &mut script);
        output::print(String::from_utf8_lossy(&script).trim_end())
    }
}
