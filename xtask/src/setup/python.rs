//! The machine's own Python, for what only wheels have. It and its parts are on no list of what is always needed: only
//! who uses them asks for them.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use super::install;

/// Python, without standard input.
pub fn command() -> Command {
    let mut python = Command::new("python3");
    python.stdin(Stdio::null());
    python
}

/// Sees to it that Python has a module, which is in that Debian package.
pub fn needs(module: &str, package: &str) -> Result<()> {
    if !has(&mut command(), module) {
        install(&[package])?;
        ensure!(has(&mut command(), module), "{package} is installed, but `import {module}` fails");
    }
    Ok(())
}

/// Whether that Python can import all of these, separated by commas.
pub fn has(python: &mut Command, modules: &str) -> bool {
    let import = python.args(["-c", &format!("import {modules}")]);
    import.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_not_there_is_found_missing() {
        assert!(has(&mut command(), "sys"));
        assert!(!has(&mut command(), "sys, no_such_module"));
        assert!(!has(&mut Command::new("/no/such/python"), "sys"));
    }
}
