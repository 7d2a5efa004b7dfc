//! Secrets at rest: sealed with Fernet under keys that are not in the database.
//!
//! The first key seals, all of them open, so that keys can be rotated. Each value is bound to its row: a value copied
//! into another row does not open there, because the row's name is sealed together with it.

use crate::error::{Error, Fault, Result};
use fernet::Fernet;
use sha2::{Digest, Sha256};
use shared::secret::Secret;
use zeroize::Zeroizing;

/// When a value is opened, as far as Fernet is to know: it refuses what was sealed in its future, but a clock that was
/// ahead for a while must not lock anything away.
const WHENEVER: u64 = u64::MAX / 2;

/// Seals and opens.
pub(crate) struct Seal {
    sealing: Fernet,
    /// All of them, the sealing one first.
    keys: Vec<Fernet>,
}

/// Why keys are not usable.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is none.
    #[error("seal.keys is empty: `countersign init` makes a key")]
    Empty,
    /// One is malformed.
    #[error("key {0} of seal.keys is not a Fernet key (32 bytes in URL-safe Base64)")]
    Malformed(usize),
}

impl Seal {
    /// Takes the keys, the sealing one first.
    pub(crate) fn new(keys: &[Secret]) -> Result<Self, SealError> {
        let parsed: Result<Vec<Fernet>, SealError> = keys
            .iter()
            .enumerate()
            .map(|(index, key)| Fernet::new(key.expose()).ok_or(SealError::Malformed(index + 1)))
            .collect();
        let keys = parsed?;
        let sealing = keys.first().ok_or(SealError::Empty)?.clone();
        Ok(Self { sealing, keys })
    }

    /// Seals a secret for one row, named `table/key`.
    pub(crate) fn seal(&self, row: &str, secret: &Secret) -> String {
        let text = Zeroizing::new(format!("{row}\n{}", secret.expose()));
        self.sealing.encrypt(text.as_bytes())
    }

    /// Opens the secret of one row.
    pub(crate) fn open(&self, row: &str, sealed: &str) -> Result<Secret> {
        let damaged = || Error::Fault(Fault::Sealed);
        let open = |key: &Fernet| key.decrypt_at_time(sealed, None, WHENEVER).ok();
        let bytes = Zeroizing::new(self.keys.iter().find_map(open).ok_or_else(damaged)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        let (bound_to, secret) = text.split_once('\n').ok_or_else(damaged)?;
        if bound_to != row {
            return Err(damaged());
        }
        Ok(Secret::new(secret))
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

/// A new key for `seal.keys`.
pub fn new_key() -> Secret {
    Secret::new(Fernet::generate_key())
}

/// The hash under which a session id, a device or a setup link is kept. They are 256 random bits, so a fast hash
/// without salt is enough: there is nothing to guess.
pub(crate) fn hash(secret: &Secret) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(secret.expose().as_bytes()) {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_in_its_own_row() {
        let seal = Seal::new(&[new_key()]).unwrap();
        let sealed = seal.seal("tokens/t_1", &Secret::new("hunter2"));
        assert!(!sealed.contains("hunter2"));
        assert_eq!(seal.open("tokens/t_1", &sealed).unwrap(), Secret::new("hunter2"));
        assert!(matches!(seal.open("tokens/t_2", &sealed), Err(Error::Fault(Fault::Sealed))));
    }

    #[test]
    fn keys_can_be_rotated() {
        let (old, new) = (new_key(), new_key());
        let sealed = Seal::new(std::slice::from_ref(&old)).unwrap().seal("a/b", &Secret::new("s"));
        let both = Seal::new(&[new.clone(), old]).unwrap();
        assert_eq!(both.open("a/b", &sealed).unwrap(), Secret::new("s"));
        let resealed = both.seal("a/b", &Secret::new("s"));
        let only_new = Seal::new(&[new]).unwrap();
        assert_eq!(only_new.open("a/b", &resealed).unwrap(), Secret::new("s"));
        assert!(only_new.open("a/b", &sealed).is_err());
    }

    #[test]
    fn what_was_sealed_by_a_clock_that_was_ahead_opens() {
        let key = new_key();
        let tomorrow = crate::clock::Clock::system().now().seconds() + 24 * 3600;
        let sealed = Fernet::new(key.expose()).unwrap().encrypt_at_time(b"a/b\ns", u64::try_from(tomorrow).unwrap());
        assert_eq!(Seal::new(&[new_key(), key]).unwrap().open("a/b", &sealed).unwrap(), Secret::new("s"));
    }

    #[test]
    fn a_hash_is_written_in_lower_case() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash(&Secret::new("abc")), abc);
    }

    #[test]
    fn unusable_keys_are_refused() {
        assert!(matches!(Seal::new(&[]), Err(SealError::Empty)));
        assert!(matches!(Seal::new(&[new_key(), Secret::new("short")]), Err(SealError::Malformed(2))));
    }
}
