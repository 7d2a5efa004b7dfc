//! Percent-encoding as RFC 5849 section 3.6 rules it, and the decoding that goes with it.

use super::eight;
use std::borrow::Cow;

/// Why a text could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// A `%` that is not followed by two hexadecimal digits.
    BadEscape,
    /// The decoded bytes are not UTF-8. Decoding them lossily would let bytes change under a valid signature.
    NotUtf8,
}

/// How `+` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// As a space: query strings and form bodies (WHATWG URL, `application/x-www-form-urlencoded`).
    IsSpace,
    /// As itself: the `Authorization` header.
    IsPlus,
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// `A-Z a-z 0-9 - . _ ~`: the only bytes that are not encoded (RFC 5849 section 3.6, RFC 3986 section 2.3). A table;
/// whether a whole text is of this kind is asked eight bytes at a time.
#[expect(clippy::indexing_slicing, reason = "a constant is computed when this is compiled")]
const UNRESERVED: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// True for a byte that stands for itself.
#[inline]
#[expect(clippy::indexing_slicing, reason = "no byte lies outside a table of 256")]
pub const fn is_unreserved(byte: u8) -> bool {
    UNRESERVED[byte as usize]
}

/// Appends the encoding of `bytes` to `out`: every byte that is not unreserved becomes `%XX` in upper case.
pub fn encode_into(out: &mut String, bytes: &[u8]) {
    if let Some(text) = unreserved(bytes) {
        return out.push_str(text);
    }
    for piece in bytes.split_inclusive(|&byte| !is_unreserved(byte)) {
        let (last, plain) = match piece.split_last() {
            Some((&last, plain)) if !is_unreserved(last) => (Some(last), plain),
            _ => (None, piece),
        };
        // Unreserved bytes are ASCII.
        out.push_str(std::str::from_utf8(plain).unwrap_or_default());
        if let Some(byte) = last {
            push_escape(out, byte);
        }
    }
}

/// Appends the encoding of a text that is already encoded: only its `%` change, into `%25`.
pub fn encode_encoded_into(out: &mut String, encoded: &str) {
    let mut rest = encoded;
    while let Some((before, after)) = eight::find(b'%', rest.as_bytes()).and_then(|index| rest.split_at_checked(index))
    {
        out.push_str(before);
        out.push_str("%25");
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// The encoding of `bytes`.
pub fn encode(bytes: &[u8]) -> Cow<'_, str> {
    unreserved(bytes).map(Cow::Borrowed).unwrap_or_else(|| {
        let mut out = String::with_capacity(bytes.len() + bytes.len() / 2);
        encode_into(&mut out, bytes);
        Cow::Owned(out)
    })
}

/// Decodes a percent-encoded text strictly.
pub fn decode(raw: &[u8], plus: Plus) -> Result<String, DecodeError> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(index) = rest.iter().position(|byte| matches!(byte, b'%' | b'+')) {
        let (plain, special) = rest.split_at_checked(index).unwrap_or_default();
        out.extend_from_slice(plain);
        let (byte, after) = match special {
            [b'%', high, low, after @ ..] => (escape(Some(*high), Some(*low)).ok_or(DecodeError::BadEscape)?, after),
            [b'+', after @ ..] if plus == Plus::IsSpace => (b' ', after),
            [b'+', after @ ..] => (b'+', after),
            _ => return Err(DecodeError::BadEscape),
        };
        out.push(byte);
        rest = after;
    }
    out.extend_from_slice(rest);
    String::from_utf8(out).map_err(|_| DecodeError::NotUtf8)
}

/// The canonical encoding of a text as received: decoded, then encoded as the base string wants it.
///
/// Borrows when the text already stands in that form, which is what nearly every client sends.
#[inline]
pub fn canonical(raw: &str, plus: Plus) -> Result<Cow<'_, str>, DecodeError> {
    match form(raw.as_bytes()) {
        Form::Plain | Form::Canonical => Ok(Cow::Borrowed(raw)),
        Form::Other => recode(raw, plus).map(|(canonical, _)| Cow::Owned(canonical)),
    }
}

/// The canonical encoding of a text as received, and the text itself.
#[inline]
pub fn canonical_and_decoded(raw: &str, plus: Plus) -> Result<(Cow<'_, str>, Cow<'_, str>), DecodeError> {
    match form(raw.as_bytes()) {
        Form::Plain => Ok((Cow::Borrowed(raw), Cow::Borrowed(raw))),
        Form::Canonical => Ok((Cow::Borrowed(raw), Cow::Owned(decode(raw.as_bytes(), plus)?))),
        Form::Other => recode(raw, plus).map(|(canonical, decoded)| (Cow::Owned(canonical), Cow::Owned(decoded))),
    }
}

/// The long way.
#[cold]
fn recode(raw: &str, plus: Plus) -> Result<(String, String), DecodeError> {
    let decoded = decode(raw.as_bytes(), plus)?;
    let mut canonical = String::with_capacity(raw.len() + 8);
    encode_into(&mut canonical, decoded.as_bytes());
    Ok((canonical, decoded))
}

/// How a text as received is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Unreserved bytes alone.
    Plain,
    /// Unreserved bytes, and upper-case escapes of ASCII bytes that are not unreserved.
    Canonical,
    /// In another way, perhaps a wrong one. Escapes of other bytes count as such too: the long way checks UTF-8.
    Other,
}

#[inline]
fn form(raw: &[u8]) -> Form {
    if eight::all_unreserved(raw) { Form::Plain } else { form_with_escapes(raw) }
}

fn form_with_escapes(raw: &[u8]) -> Form {
    let mut rest = raw;
    while let Some(index) = rest.iter().position(|&byte| !is_unreserved(byte)) {
        let Some([b'%', high, low, after @ ..]) = rest.get(index..) else { return Form::Other };
        let lower_case = high.is_ascii_lowercase() || low.is_ascii_lowercase();
        match escape(Some(*high), Some(*low)) {
            Some(value) if value.is_ascii() && !is_unreserved(value) && !lower_case => rest = after,
            _ => return Form::Other,
        }
    }
    Form::Canonical
}

/// The bytes as text if all of them are unreserved, and therefore ASCII.
fn unreserved(bytes: &[u8]) -> Option<&str> {
    eight::all_unreserved(bytes).then(|| std::str::from_utf8(bytes).ok()).flatten()
}

fn escape(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    Some(digit(high?)? << 4 | digit(low?)?)
}

/// The value of a hexadecimal digit.
#[inline]
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

fn push_escape(out: &mut String, byte: u8) {
    let digit = |value: u8| char::from(HEX.get(usize::from(value)).copied().unwrap_or(b'0'));
    out.push('%');
    out.push(digit(byte >> 4));
    out.push(digit(byte & 15));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lower_case_hex_and_needless_escapes_become_canonical() {
        assert_eq!(canonical("%7e%2f%41", Plus::IsPlus).unwrap(), "~%2FA");
        assert_eq!(canonical("a+b", Plus::IsSpace).unwrap(), "a%20b");
        assert_eq!(canonical("a+b", Plus::IsPlus).unwrap(), "a%2Bb");
    }

    #[test]
    fn bad_escapes_and_bad_utf8_are_refused() {
        for raw in ["%", "%2", "%zz", "a%"] {
            assert_eq!(canonical(raw, Plus::IsSpace), Err(DecodeError::BadEscape));
        }
        for raw in ["%FF", "%C0%80", "%ED%A0%80"] {
            assert_eq!(canonical(raw, Plus::IsSpace), Err(DecodeError::NotUtf8));
        }
    }

    proptest! {
        #[test]
        fn decoding_an_encoding_gives_the_text(text in any::<String>()) {
            let encoded = encode(text.as_bytes()).into_owned();
            prop_assert_eq!(decode(encoded.as_bytes(), Plus::IsSpace).unwrap(), text.clone());
            let again = canonical(&encoded, Plus::IsPlus).unwrap();
            prop_assert_eq!(again, encoded.as_str());
        }

        #[test]
        fn the_short_way_and_the_long_way_agree(raw in "[A-Za-z0-9%+~é -]{0,24}") {
            let long = decode(raw.as_bytes(), Plus::IsSpace).map(|text| encode(text.as_bytes()).into_owned());
            prop_assert_eq!(canonical(&raw, Plus::IsSpace).map(Cow::into_owned), long);
        }

        #[test]
        fn encoding_twice_is_encoding_the_encoded(text in any::<String>()) {
            let once = encode(text.as_bytes()).into_owned();
            let mut twice = String::new();
            encode_encoded_into(&mut twice, &once);
            prop_assert_eq!(twice, encode(once.as_bytes()).into_owned());
        }
    }
}
