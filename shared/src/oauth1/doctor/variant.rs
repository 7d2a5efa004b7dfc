//! A guess at what a client or a proxy did otherwise.

use super::case::Case;
use super::signed::Signed;
use super::{key, method, origin, parameters, path, spelling};

/// The part of the signature a guess is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Method,
    Origin,
    Path,
    Parameters,
    Spelling,
    Key,
}

impl Part {
    /// True if two guesses about this part replace each other instead of adding up.
    pub(super) const fn is_exclusive(self) -> bool {
        matches!(self, Self::Method | Self::Origin | Self::Path)
    }
}

type Edit = Box<dyn Fn(&mut Signed)>;

/// A guess: the word for it, the sentences for it, and what it changes.
pub(super) struct Variant {
    pub part: Part,
    pub code: &'static str,
    pub words: String,
    pub edit: Edit,
}

/// A guess that needs to know nothing about the request.
pub(super) type Row = (&'static str, &'static str, fn(&mut Signed));

impl Variant {
    pub(super) fn new(
        part: Part,
        code: &'static str,
        words: impl Into<String>,
        edit: impl Fn(&mut Signed) + 'static,
    ) -> Self {
        Self { part, code, words: words.into(), edit: Box::new(edit) }
    }

    /// The guesses of a table.
    pub(super) fn rows(part: Part, rows: &'static [Row]) -> impl Iterator<Item = Self> {
        rows.iter().map(move |&(code, words, edit)| Self::new(part, code, words, edit))
    }

    /// What is signed if the guess is right.
    pub(super) fn applied(&self, signed: &Signed) -> Signed {
        let mut changed = signed.clone();
        (self.edit)(&mut changed);
        changed
    }
}

/// Every guess, the likely ones first.
pub(super) fn all(case: &Case<'_>) -> Vec<Variant> {
    [origin::variants, path::variants, key::variants, parameters::variants, spelling::variants, method::variants]
        .into_iter()
        .flat_map(|variants| variants(case))
        .collect()
}
