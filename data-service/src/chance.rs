//! The one place that asks for randomness: ids, keys and secrets, all from the operating system.

use crate::letters;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Random bytes. A system that has none to give is not one to run on: without them there are no secrets.
#[expect(clippy::disallowed_methods, reason = "this is the place the rule sends everybody to")]
#[expect(clippy::expect_used, reason = "there is no safe way on without randomness, and no caller could do better")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new id: UUIDv7, so that ids sort by age.
pub fn id(now: Timestamp) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.millis()).unwrap_or(0), &bytes()).into_uuid()
}

/// A name for one request, to find it in the log: a random name for this process, and a number. Written digit by digit: a
/// refusal is to cost no more than what it refuses, and the formatting of numbers is slow.
pub fn request_id() -> String {
    static PROCESS: OnceLock<String> = OnceLock::new();
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let process = PROCESS.get_or_init(|| format!("{:016x}-", u64::from_le_bytes(bytes())));
    let mut id = String::with_capacity(process.len() + DIGITS as usize);
    id.push_str(process);
    id.extend(digits(NUMBER.fetch_add(1, Ordering::Relaxed)));
    id
}

/// Digits of the number in the name of a request: enough for decades, and then it begins anew.
const DIGITS: u32 = 12;

fn digits(number: u64) -> impl Iterator<Item = char> {
    let at = move |place: u32| u32::try_from(number >> (4 * place) & 15).ok();
    (0..DIGITS).rev().filter_map(at).filter_map(|digit| char::from_digit(digit, 16))
}

/// The public half of new credentials: a prefix that tells what it is, and 125 random bits in 25 letters.
pub fn key(prefix: &str) -> String {
    format!("{prefix}_{}", letters::write(&bytes::<16>()))
}

/// A session id: 256 random bits in 43 characters that need no encoding in a cookie.
pub fn session_id() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(bytes::<32>()))
}

/// A device or a link: 256 random bits, needing no encoding anywhere.
pub fn secret(prefix: &str) -> Secret {
    Secret::new(format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(bytes::<32>())))
}

/// The secret half of new credentials: 168 random bits. Two of them and the `&` between are 63 bytes, which fit into
/// one block of SHA-1 and SHA-256: with longer ones each HMAC would begin by hashing its key.
pub fn signing_secret(prefix: [char; 2]) -> Secret {
    let [first, second] = prefix;
    Secret::new(format!("{first}{second}_{}", URL_SAFE_NO_PAD.encode(bytes::<21>())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_secrets_differ_and_need_no_encoding() {
        let (one, other) = (key("c"), key("c"));
        assert_ne!(one, other);
        assert!(one.starts_with("c_") && one.len() >= 27, "{one}");
        let secret = secret("cs");
        assert!(secret.expose().bytes().all(shared::oauth1::percent::is_unreserved));
        assert_eq!(secret.expose().len(), 3 + 43);
        assert_eq!(signing_secret(['c', 's']).expose().len() + 1 + signing_secret(['t', 's']).expose().len(), 63);
    }

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 0x1f, 0x0123_4567_89ab, (1 << 48) - 1] {
            assert_eq!(digits(number).collect::<String>(), format!("{number:012x}"));
        }
    }

    #[test]
    fn requests_of_a_process_are_counted() {
        let (one, next) = (request_id(), request_id());
        let read = |id: &str| {
            let (process, number) = id.split_once('-').unwrap();
            assert_eq!((process.len(), number.len()), (16, 12), "{id}");
            (process.to_owned(), u64::from_str_radix(number, 16).unwrap())
        };
        let ((process, first), (same, second)) = (read(&one), read(&next));
        assert!(process == same && second > first, "{one} {next}");
    }

    #[test]
    fn ids_sort_by_age() {
        let early = id(Timestamp::from_seconds(1_000));
        let late = id(Timestamp::from_seconds(2_000));
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }
}
