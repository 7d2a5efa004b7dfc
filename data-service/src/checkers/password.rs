//! Password hashes: Argon2id in PHC strings (`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`), and what a password must be.

use crate::chance;
use crate::settings::PasswordCost;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use shared::error::Refusal;
use shared::secret::Secret;
use subtle::ConstantTimeEq;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A hash taken apart.
struct Parsed {
    cost: PasswordCost,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Parsed {
    fn read(phc: &str) -> Option<Self> {
        let mut parts = phc.strip_prefix("$argon2id$v=19$")?.split('$');
        let (mut memory_kib, mut passes, mut lanes) = (None, None, None);
        for setting in parts.next()?.split(',') {
            match setting.split_once('=')? {
                ("m", value) => memory_kib = value.parse().ok(),
                ("t", value) => passes = value.parse().ok(),
                ("p", value) => lanes = value.parse().ok(),
                _ => return None,
            }
        }
        let salt = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
        let hash = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
        let cost = PasswordCost { memory_kib: memory_kib?, passes: passes? };
        parts.next().is_none().then_some(Self { cost, lanes: lanes?, salt, hash })
    }
}

/// Memory that is used for one hash after the other, and how often it was.
#[derive(Default)]
pub(super) struct Buffer {
    blocks: Vec<Block>,
    uses: u64,
}

impl Buffer {
    fn of(&mut self, blocks: usize) -> &mut [Block] {
        self.uses += 1;
        if self.blocks.len() < blocks {
            self.blocks = vec![Block::default(); blocks];
        }
        self.blocks.get_mut(..blocks).unwrap_or_default()
    }

    /// Hashes computed since this was asked last.
    pub(super) fn uses(&mut self) -> u64 {
        std::mem::take(&mut self.uses)
    }
}

fn argon2id(
    cost: PasswordCost,
    lanes: u32,
    password: &Secret,
    salt: &[u8],
    out: &mut [u8],
    buffer: &mut Buffer,
) -> bool {
    let Ok(params) = Params::new(cost.memory_kib, cost.passes, lanes, Some(out.len())) else { return false };
    let blocks = params.block_count();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.expose().as_bytes(), salt, out, buffer.of(blocks))
        .is_ok()
}

fn phc(cost: PasswordCost, salt: [u8; SALT_BYTES], hash: [u8; HASH_BYTES]) -> String {
    let PasswordCost { memory_kib: m, passes: t } = cost;
    format!("$argon2id$v=19$m={m},t={t},p=1${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash))
}

/// Hashes a password with a fresh salt.
pub(super) fn hash(password: &Secret, cost: PasswordCost, buffer: &mut Buffer) -> Option<String> {
    let (salt, mut out) = (chance::bytes(), [0; HASH_BYTES]);
    argon2id(cost, 1, password, &salt, &mut out, buffer).then(|| phc(cost, salt, out))
}

/// What a name without a hash is compared with: it costs as much as a real one, and nobody knows a password for it, for
/// it is the hash of none.
pub(super) fn nobodys(cost: PasswordCost) -> String {
    phc(cost, chance::bytes(), chance::bytes())
}

/// True if the password is the one behind the hash.
pub(super) fn verify(password: &Secret, phc: &str, buffer: &mut Buffer) -> bool {
    let Some(parsed) = Parsed::read(phc) else { return false };
    let mut out = vec![0; parsed.hash.len()];
    let hashed = argon2id(parsed.cost, parsed.lanes, password, &parsed.salt, &mut out, buffer);
    hashed & bool::from(out.ct_eq(&parsed.hash))
}

/// True if a hash was made at another cost than the one wanted now.
pub(super) fn is_outdated(phc: &str, cost: PasswordCost) -> bool {
    Parsed::read(phc).is_none_or(|parsed| parsed.cost != cost)
}

/// Length over composition: 8 to 1024 bytes, and not the name itself.
pub(crate) fn check_rules(password: &Secret, username: &str, email: Option<&str>) -> Result<(), Refusal> {
    let text = password.expose();
    let refuse = |code, detail: &str| Err(Refusal::invalid("password", code, detail));
    if text.chars().count() < 8 {
        return refuse("too_short", "a password has at least 8 characters");
    }
    if text.len() > 1024 {
        return refuse("too_long", "a password has at most 1024 bytes");
    }
    if text.eq_ignore_ascii_case(username) || email.is_some_and(|email| text.eq_ignore_ascii_case(email)) {
        return refuse("too_easy", "a password must not be the name or the e-mail address");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 16, passes: 1 };

    #[test]
    fn a_hash_knows_its_password() {
        let mut buffer = Buffer::default();
        let phc = hash(&Secret::new("correct horse"), CHEAP, &mut buffer).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=16,t=1,p=1$"), "{phc}");
        assert!(verify(&Secret::new("correct horse"), &phc, &mut buffer));
        assert!(!verify(&Secret::new("correct hors"), &phc, &mut buffer));
        assert!(!is_outdated(&phc, CHEAP));
        assert!(is_outdated(&phc, PasswordCost::default()));
    }

    #[test]
    fn nobodys_hash_looks_like_a_real_one_and_costs_as_much() {
        let mut buffer = Buffer::default();
        let (nobodys, real) = (nobodys(CHEAP), hash(&Secret::new("x"), CHEAP, &mut buffer).unwrap());
        assert_eq!(buffer.uses(), 1);
        assert_eq!(nobodys.len(), real.len());
        assert!(!is_outdated(&nobodys, CHEAP));
        assert!(!verify(&Secret::new(""), &nobodys, &mut buffer));
        assert_eq!(buffer.uses(), 1, "it was hashed to find that out");
    }

    #[test]
    fn hashes_of_another_cost_and_another_library_verify() {
        // Made with the reference implementation: argon2 "somesalt" -id -t 2 -m 16 -p 1 -l 24
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify(&Secret::new("password"), phc, &mut Buffer::default()));
    }

    #[test]
    fn what_is_no_hash_verifies_nothing() {
        for phc in [
            "",
            "plain",
            "$argon2id$v=19$m=16$x$y",
            "$argon2i$v=19$m=16,t=1,p=1$AAAA$AAAA",
            "$argon2id$v=19$m=16,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
        ] {
            assert!(!verify(&Secret::new(""), phc, &mut Buffer::default()), "{phc}");
        }
    }

    #[test]
    fn rules_ask_for_length_and_little_else() {
        let check =
            |password: &str| check_rules(&Secret::new(password), "adalovelace", Some("ada@example.com")).is_ok();
        assert!(check("eight ch"));
        assert!(!check("seven c"));
        assert!(!check("AdaLovelace"));
        assert!(!check("ada@example.com"));
        assert!(!check(&"x".repeat(1025)));
    }
}
