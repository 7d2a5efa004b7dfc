//! Which installation a command is about: a folder, or a configuration file.

use crate::config::{Config, FILE, Override};
use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// Where everything is kept if nothing is said.
const FOLDER: &str = "./var";

/// Which installation a command is about.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Place {
    /// The folder of the installation [default: ./var]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The configuration file, wherever it is
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    config: Option<PathBuf>,
}

impl Place {
    /// The folder of an installation.
    pub fn folder(dir: Option<PathBuf>) -> Self {
        Self { dir, config: None }
    }

    /// Its configuration file.
    pub fn file(&self) -> PathBuf {
        match (&self.config, &self.dir) {
            (Some(file), _) => file.clone(),
            (None, Some(dir)) => dir.join(FILE),
            (None, None) => Path::new(FOLDER).join(FILE),
        }
    }

    /// The option that names it again, for commands that are suggested; empty for the default.
    pub fn option(&self) -> String {
        match (&self.config, &self.dir) {
            (Some(file), _) => format!(" --config {}", quoted(file)),
            (None, Some(dir)) => format!(" --dir {}", quoted(dir)),
            (None, None) => String::new(),
        }
    }

    /// Its configuration. Nothing is made here if there is none.
    pub fn load(&self) -> Result<Config, Failure> {
        load(&self.file(), &[])
    }

    /// Its configuration file, if it is there.
    pub fn existing(&self) -> Result<PathBuf, Failure> {
        let file = self.file();
        must_exist(&file)?;
        Ok(file)
    }
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | ':' | ',');
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The configuration in a file.
pub fn load(file: &Path, overrides: &[Override]) -> Result<Config, Failure> {
    must_exist(file)?;
    Ok(Config::load(file, overrides)?)
}

fn must_exist(file: &Path) -> Result<(), Failure> {
    if !file.exists() {
        let place = match file.parent() {
            Some(folder) if file.ends_with(FILE) => format!("there is no Countersign in {}", folder.display()),
            _ => format!("there is no file {}", file.display()),
        };
        return Err(Failure::refused(format_args!("{place}; `countersign up` or `countersign init` makes one")));
    }
    Ok(())
}
