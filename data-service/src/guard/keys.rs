//! The keys a signature is tried with: one for each secret of the consumer that works, and never none.

use crate::store::credentials::LiveSecret;
use shared::oauth1::{Key, SignatureMethod};
use shared::secret::Secret;
use shared::timestamp::Timestamp;

/// A key, and which of the consumer's secrets it is made of.
type Numbered = (usize, Key);

/// The first key stands by itself: nearly every consumer has one secret.
pub(super) struct Keys {
    first: Numbered,
    others: Vec<Numbered>,
}

impl Keys {
    /// Without a secret that works, the key is made of `dummy`, so that a stranger costs what everybody costs.
    pub(super) fn new(
        method: SignatureMethod,
        secrets: &[LiveSecret],
        token: &str,
        dummy: &Secret,
        now: Timestamp,
    ) -> Self {
        let works = |(_, secret): &(usize, &LiveSecret)| secret.works(now) && !secret.secret.is_empty();
        let mut keys = secrets
            .iter()
            .enumerate()
            .filter(works)
            .map(|(index, secret)| (index, Key::from_texts(method, secret.secret.expose(), token)));
        let first = keys.next().unwrap_or_else(|| (0, Key::from_texts(method, dummy.expose(), token)));
        Self { first, others: keys.collect() }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Numbered> {
        std::iter::once(&self.first).chain(&self.others)
    }
}
