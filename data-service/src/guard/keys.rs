//! The keys a signature is tried with: one for each secret of the consumer that works, and never none.

use crate::store::credentials::LiveSecret;
use shared::oauth1::{self, SignatureMethod};
use shared::secret::Secret;
use shared::timestamp::Timestamp;

/// What a signature is tried with.
pub(super) struct Keys<'a> {
    pub(super) method: SignatureMethod,
    /// The consumer's secrets; those that do not work are passed over.
    pub(super) secrets: &'a [LiveSecret],
    /// The token's secret.
    pub(super) token: &'a str,
    /// What is tried without a secret that works, so that a stranger costs what everybody costs.
    pub(super) dummy: &'a Secret,
    pub(super) now: Timestamp,
}

impl Keys<'_> {
    /// The index of the consumer's secret with which the signature fits.
    pub(super) fn find(&self, base_string: &[u8], signature: &[u8]) -> Option<usize> {
        let fits = |secret: &Secret| oauth1::verify(self.method, secret.expose(), self.token, base_string, signature);
        let works = |secret: &LiveSecret| secret.works(self.now) && !secret.secret.is_empty();
        if !self.secrets.iter().any(works) {
            return fits(self.dummy).then_some(0);
        }
        self.secrets.iter().position(|secret| works(secret) && fits(&secret.secret))
    }
}
