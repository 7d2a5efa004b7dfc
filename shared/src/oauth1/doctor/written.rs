//! How a signature or a body hash is written (RFC 5849 section 3.4.2: Base64), and how clients write it otherwise.

use super::case::decode;
use super::cause::Cause;
use crate::oauth1::percent::Plus;
use base64::Engine as _;
use base64::alphabet::{self, Alphabet};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};

/// Bytes that could be read, and what is wrong with the writing.
pub(super) struct Written {
    pub bytes: Vec<u8>,
    pub cause: Option<Cause>,
}

/// Reads the output of SHA-1, SHA-256 or SHA-512. `subject` is the word that begins the codes: `signature`.
pub(super) fn read(subject: &str, text: &str) -> Option<Written> {
    READINGS.iter().find_map(|&(code, words, reading)| {
        let bytes = reading(text);
        let cause = || {
            let detail = format!("The {} {words}.", subject.replace('_', " "));
            Cause::new(&format!("{subject}_{code}"), detail)
        };
        matches!(bytes.len(), 20 | 32 | 64).then(|| Written { bytes, cause: (!code.is_empty()).then(cause) })
    })
}

type Reading = (&'static str, &'static str, fn(&str) -> Vec<u8>);

/// The first that gives as many bytes as a hash has is taken.
const READINGS: &[Reading] = &[
    (
        "base64_of_hex",
        "is the Base64 of hexadecimal digits: the client must ask its hash function for raw bytes",
        |text| unhex(&String::from_utf8_lossy(&strict(text))),
    ),
    ("", "", strict),
    ("plus_not_escaped", "has a blank where a + was: in a query or form, + is sent as %2B", |text| {
        strict(&text.replace(' ', "+"))
    }),
    ("escaped_twice", "is percent-encoded once too often", |text| strict(&decode(text, Plus::IsPlus))),
    ("whitespace", "has blanks or newlines in it, as some Base64 functions put them there", |text| {
        strict(&text.split_ascii_whitespace().collect::<String>())
    }),
    ("unpadded", "lacks the = at its end: Base64 with padding is wanted", |text| {
        lenient(&alphabet::STANDARD, false, text)
    }),
    ("url_safe", "is written in the alphabet for URLs, with - and _: Base64 with + and / is wanted", |text| {
        lenient(&alphabet::URL_SAFE, false, text)
    }),
    ("hex", "is written in hexadecimal digits: Base64 of the raw bytes is wanted", unhex),
    ("trailing_bits", "differs in bits of its last character that Base64 does not use: it was altered", |text| {
        lenient(&alphabet::STANDARD, true, text)
    }),
];

fn lenient(alphabet: &Alphabet, trailing_bits: bool, text: &str) -> Vec<u8> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(trailing_bits);
    GeneralPurpose::new(alphabet, config).decode(text).unwrap_or_default()
}

/// The bytes of hexadecimal digits; none if there is anything else.
fn unhex(text: &str) -> Vec<u8> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).unwrap_or_default();
    let (pairs, _) = digits.as_chunks::<2>();
    pairs.iter().filter_map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect()
}

/// What the server reads, of any length.
fn strict(text: &str) -> Vec<u8> {
    general_purpose::STANDARD.decode(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_writing_is_read_and_named() {
        for (text, code) in [
            ("gKgrFCywp7rO0OXSjdot/IHF7IU=", None),
            ("gKgrFCywp7rO0OXSjdot/IHF7IU", Some("signature_unpadded")),
            ("gKgrFCywp7rO0OXSjdot_IHF7IU=", Some("signature_url_safe")),
            ("gKgrFCywp7rO0OXSjdot_IHF7IU", Some("signature_url_safe")),
            ("gKgrFCywp7rO0OXSjdot/IHF7IV=", Some("signature_trailing_bits")),
            ("gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D", Some("signature_escaped_twice")),
            ("gKgrFCywp7rO0O\nXSjdot/IHF7IU=\n", Some("signature_whitespace")),
            ("r6/TJjbCOr97/ UU0NsvSne7s5g=", Some("signature_plus_not_escaped")),
            ("80a82b142cb0a7bacED0E5D28DDA2DFC81C5EC85", Some("signature_hex")),
            ("ODBhODJiMTQyY2IwYTdiYWNlZDBlNWQyOGRkYTJkZmM4MWM1ZWM4NQ==", Some("signature_base64_of_hex")),
        ] {
            let written = read("signature", text).unwrap();
            assert_eq!(written.bytes.len(), 20, "{text}");
            assert_eq!(written.cause.map(|cause| cause.code).as_deref(), code, "{text}");
        }
        for text in ["", "gKgr", "secret&secret", "zz"] {
            assert!(read("signature", text).is_none(), "{text}");
        }
    }
}
