//! The files of the repository, as the checks see them: everything but build output and git's own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo builds.
pub fn target() -> Result<PathBuf> {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec();
    let metadata = metadata.context("cargo metadata does not say where the target folder is")?;
    Ok(metadata.target_directory.into())
}

/// A text file of the tree.
pub struct Text {
    /// From the root, with `/`.
    pub path: String,
    pub content: String,
}

/// Every file whose name ends in one of `endings`, by path.
pub fn texts(endings: &[&str]) -> Result<Vec<Text>> {
    let mut paths = Vec::new();
    collect(root(), &mut paths)?;
    paths.sort();
    paths.retain(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)));
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Result<Text> {
    let content = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
    Ok(Text { path, content })
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && entry.file_name() != "target" && entry.file_name() != ".git" {
            collect(&path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}
