//! The keys a signature is tried with: one for each secret of the consumer that works, and never none.

use super::tokens::Proof;
use crate::store::credentials::{ConsumerCredential, LiveSecret};
use shared::oauth1::{self, Keyed, SignatureMethod};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::num::NonZeroU32;

/// What unknown secrets are taken to be, so that a stranger costs what everybody costs: never told to anybody.
pub(super) struct Dummy {
    secret: Secret,
    keyed: Keyed,
}

impl Dummy {
    pub(super) fn new(secret: Secret) -> Self {
        Self { keyed: Keyed::new(secret.expose(), secret.expose()), secret }
    }
}

/// What a signature is tried with.
pub(super) struct Keys<'a> {
    pub(super) method: SignatureMethod,
    /// The consumer's secrets; those that do not work are passed over.
    pub(super) secrets: &'a [LiveSecret],
    pub(super) token: Token<'a>,
    pub(super) dummy: &'a Dummy,
    pub(super) now: Timestamp,
}

/// The token's part.
#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    /// The request carries none.
    Absent,
    /// It is known.
    Known(&'a Proof),
    /// It is not.
    Unknown,
}

/// With what a signature fits.
pub(super) struct Fit {
    /// The index of the consumer's secret.
    pub(super) secret: usize,
    /// The key, if it was made for this.
    pub(super) keyed: Option<Keyed>,
}

/// The number of the secret of which a token's key is worth keeping: while there are two, it is not known which comes
/// next.
#[inline]
pub(super) fn serial(consumer: &ConsumerCredential, method: SignatureMethod, now: Timestamp) -> Option<NonZeroU32> {
    if method == SignatureMethod::HmacSha1 { only(consumer, now) } else { None }
}

/// The number of the only secret that works.
#[inline]
pub(super) fn only(consumer: &ConsumerCredential, now: Timestamp) -> Option<NonZeroU32> {
    let mut working = consumer.secrets.iter().filter(|secret| secret.works(now));
    match (working.next(), working.next()) {
        (Some(only), None) => only.serial,
        _ => None,
    }
}

impl Keys<'_> {
    /// What the signature fits with.
    #[inline]
    pub(super) fn find(&self, base_string: &[u8], signature: &[u8]) -> Option<Fit> {
        let mut none_works = true;
        for (secret, live) in self.secrets.iter().enumerate() {
            if !live.works(self.now) || live.secret.is_empty() {
                continue;
            }
            none_works = false;
            let (fits, keyed) = self.try_one(live, base_string, signature);
            if fits {
                return Some(Fit { secret, keyed });
            }
        }
        (none_works && self.try_dummy(base_string, signature)).then_some(Fit { secret: 0, keyed: None })
    }

    /// Whether it fits with a secret, and the key if it was made for this.
    #[inline]
    fn try_one(&self, live: &LiveSecret, base_string: &[u8], signature: &[u8]) -> (bool, Option<Keyed>) {
        let token = match (self.method, self.token) {
            (SignatureMethod::HmacSha1, Token::Known(Proof::Keyed(keyed))) => {
                return (keyed.verify(base_string, signature), None);
            }
            (SignatureMethod::HmacSha1, Token::Known(Proof::Secret(token))) => {
                let keyed = Keyed::new(live.secret.expose(), token.expose());
                return (keyed.verify(base_string, signature), Some(keyed));
            }
            (SignatureMethod::HmacSha1, Token::Absent) => {
                let keyed = live.alone.get_or_init(|| Keyed::new(live.secret.expose(), ""));
                return (keyed.verify(base_string, signature), None);
            }
            (_, Token::Absent) => "",
            (_, Token::Known(Proof::Secret(token))) => token.expose(),
            // A key of HMAC-SHA1 is worth nothing for another method, and nobody is given one for it.
            (_, Token::Known(Proof::Keyed(_)) | Token::Unknown) => {
                return (self.try_dummy(base_string, signature), None);
            }
        };
        (oauth1::verify(self.method, live.secret.expose(), token, base_string, signature), None)
    }

    fn try_dummy(&self, base_string: &[u8], signature: &[u8]) -> bool {
        let secret = self.dummy.secret.expose();
        match self.method {
            SignatureMethod::HmacSha1 => self.dummy.keyed.verify(base_string, signature),
            method => oauth1::verify(method, secret, secret, base_string, signature),
        }
    }
}
