//! The search: sign again with every guess, then with every two, until the signature that was sent comes out.

use super::case::Case;
use super::cause::Cause;
use super::signed::Signed;
use super::variant::{self, Part, Variant};
use super::{origin, path};
use std::collections::HashSet;

/// How much was tried in vain.
pub(super) struct InVain {
    pub guesses: usize,
    pub pairs: usize,
}

/// What has to be changed in what an honest client signs to come to `mac`.
pub(super) fn search(case: &Case<'_>, honest: &Signed, mac: &[u8]) -> Result<Vec<Cause>, InVain> {
    let mut seen = HashSet::from([honest.signature()]);
    let mut guesses = variant::all(case);
    // A guess that changes nothing here, or the same as one before it, explains nothing.
    guesses.retain(|guess| seen.insert(guess.applied(honest).signature()));
    if let Some(guess) = guesses.iter().find(|guess| guess.applied(honest).gives(mac)) {
        return Ok(causes(case, honest, &guess.applied(honest), &[guess]));
    }
    let mut pairs = 0;
    for (index, first) in guesses.iter().enumerate() {
        let changed = first.applied(honest);
        for second in guesses.iter().skip(index + 1) {
            if first.part == second.part && first.part.is_exclusive() {
                continue;
            }
            pairs += 1;
            let both = second.applied(&changed);
            if both.gives(mac) {
                return Ok(causes(case, honest, &both, &[first, second]));
            }
        }
    }
    Err(InVain { guesses: guesses.len(), pairs })
}

fn causes(case: &Case<'_>, expected: &Signed, found: &Signed, guesses: &[&Variant]) -> Vec<Cause> {
    let cause = |guess: &&Variant| match guess.part {
        Part::Origin => origin::causes(case, expected, found),
        Part::Path => vec![path::cause(case, guess, expected, found)],
        Part::Method => vec![Cause::new(guess.code, &guess.words).found(&found.method).expected(&expected.method)],
        Part::Parameters | Part::Spelling | Part::Key => vec![Cause::new(guess.code, &guess.words)],
    };
    guesses.iter().flat_map(cause).collect()
}
