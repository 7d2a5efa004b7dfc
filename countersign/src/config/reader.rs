//! Takes one key after the other out of the layers.

use super::layers::{Given, Layer};
use super::origin::Origin;
use super::problem::Problems;
use super::raw::Raw;
use super::setting::Setting;
use super::show::Shown;
use super::{Fallback, Key, TABLE};
use std::path::PathBuf;

/// What is given, what was taken of it, and what is wrong with it.
pub(crate) struct Reader {
    folder: PathBuf,
    given: Layer,
    shown: Vec<Shown>,
    problems: Problems,
}

impl Reader {
    pub(super) fn new(folder: PathBuf, given: Layer, problems: Problems) -> Self {
        Self { folder, given, shown: Vec::new(), problems }
    }

    /// The value of a key; `None` if there is a problem with it.
    pub(super) fn take<T: Setting>(&mut self, name: &'static str) -> Option<T> {
        let key = TABLE.iter().find(|key| key.name == name)?;
        let Given { raw, origin } = self.given.remove(name).unwrap_or_else(|| self.fallback(key));
        match T::read(&raw, &self.folder) {
            Ok(value) => {
                self.shown.push(Shown::new(key, value.show(), origin));
                Some(value)
            }
            Err(words) => {
                self.problems.add(name, &origin, words);
                None
            }
        }
    }

    fn fallback(&self, key: &Key) -> Given {
        let raw = match key.fallback {
            Fallback::Text(text) => Raw::Loose(text.into()),
            Fallback::Nothing(_) => Raw::Nothing,
            Fallback::Made(make, _) => Raw::Loose(make(self)),
        };
        Given { raw, origin: Origin::Default }
    }

    /// What a key that was taken already is.
    pub(super) fn taken(&self, name: &str) -> &str {
        self.shown.iter().find(|shown| shown.key == name).map_or("", |shown| &shown.value)
    }

    /// The folder, what was taken, and the problems.
    pub(super) fn close(self) -> (PathBuf, Vec<Shown>, Problems) {
        (self.folder, self.shown, self.problems)
    }
}
