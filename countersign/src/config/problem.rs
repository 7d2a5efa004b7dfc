//! What is wrong with a configuration: all of it at once.

use super::TABLE;
use super::origin::Origin;
use crate::failure::Failure;
use std::fmt;

/// Keys further away than this are not what was meant.
const NEAR: f64 = 0.75;

/// All problems; one line each.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// True if nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One problem each.
    pub(crate) fn lines(&self) -> &[String] {
        &self.0
    }

    /// Something is wrong with a key.
    pub(crate) fn add(&mut self, key: &str, origin: &Origin, words: impl fmt::Display) {
        self.0.push(format!("{key} ({origin}): {words}"));
    }

    /// Something else is wrong.
    pub(crate) fn say(&mut self, words: impl Into<String>) {
        self.0.push(words.into());
    }

    /// A key that is none.
    pub(crate) fn unknown(&mut self, key: &str, origin: &Origin) {
        let words = match nearest(key) {
            Some(near) => format!("there is no such key; `{near}` is the nearest there is"),
            None => "there is no such key; `countersign config show` lists those there are".into(),
        };
        self.add(key, origin, words);
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::config(problems.to_string())
    }
}

/// The key that looks most like a text.
fn nearest(text: &str) -> Option<String> {
    let names = TABLE.iter().flat_map(|key| {
        let file = key.secret.then(|| format!("{}_file", key.name));
        std::iter::once(key.name.to_owned()).chain(file)
    });
    names
        .map(|name| (strsim::jaro_winkler(&name, text), name))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        for (typed, meant) in [
            ("data_service.listn", Some("data_service.listen")),
            ("data-service.listen", Some("data_service.listen")),
            ("frontend.base_pth", Some("frontend.base_path")),
            ("seal.key", Some("seal.keys")),
            ("seal.keys_fil", Some("seal.keys_file")),
            ("completely.different", None),
        ] {
            assert_eq!(nearest(typed).as_deref(), meant, "{typed}");
        }
    }
}
