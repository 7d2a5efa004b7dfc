//! Percent-encoding as RFC 5849 section 3.6 rules it, and the decoding that goes with it.

use super::scan;
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
/// whether a whole text is of this kind is asked many bytes at a time.
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
    while let Some((before, after)) = scan::find(b'%', rest.as_bytes()).and_then(|index| rest.split_at_checked(index)) {
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
        Form::Other => recode(raw, plus).map(Cow::Owned),
    }
}

/// A text in canonical percent-encoding: what stands in the base string. Borrowed if it was received in that form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<'a> {
    text: Cow<'a, str>,
    /// Nothing in it is escaped: it is the text itself.
    plain: bool,
}

impl<'a> Encoded<'a> {
    /// Of a text as received.
    #[inline]
    pub fn read(raw: &'a str, plus: Plus) -> Result<Self, DecodeError> {
        Ok(match form(raw.as_bytes()) {
            Form::Plain => Self::plain(raw),
            Form::Canonical => Self { text: Cow::Borrowed(raw), plain: false },
            Form::Other => {
                let text = recode(raw, plus)?;
                Self { plain: scan::all_unreserved(text.as_bytes()), text: Cow::Owned(text) }
            }
        })
    }

    /// Of unreserved characters alone.
    #[inline]
    pub(super) const fn plain(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), plain: true }
    }

    /// In its encoding.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text itself.
    #[inline]
    pub fn decoded(&self) -> Cow<'_, str> {
        match self.plain {
            true => Cow::Borrowed(&self.text),
            false => Cow::Owned(decode(self.text.as_bytes(), Plus::IsPlus).unwrap_or_default()),
        }
    }

    /// True if the text has 1 to `most` characters, all of them printable ASCII. What was received in canonical form is.
    #[inline]
    pub(super) fn is_printable(&self, most: usize) -> bool {
        let length = match &self.text {
            Cow::Borrowed(text) if self.plain => text.len(),
            Cow::Borrowed(text) => text.len() - 2 * text.bytes().filter(|byte| *byte == b'%').count(),
            Cow::Owned(_) => {
                let text = self.decoded();
                if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                    return false;
                }
                text.len()
            }
        };
        (1..=most).contains(&length)
    }

    /// The text itself, if it has at most `N` bytes: without a heap.
    pub(super) fn decoded_short<const N: usize>(&self) -> Option<Short<N>> {
        let mut short = Short::default();
        let mut rest = self.text.as_bytes();
        if !self.plain {
            while let Some((plain, escape)) = scan::find(b'%', rest).and_then(|index| rest.split_at_checked(index)) {
                let [_, high, low, after @ ..] = escape else { return None };
                short.push(plain)?;
                short.push(&[self::escape(Some(*high), Some(*low))?])?;
                rest = after;
            }
        }
        short.push(rest)?;
        Some(short)
    }

    /// Appends the encoding of the encoding.
    #[inline]
    pub(super) fn encode_into(&self, out: &mut String) {
        if self.plain { out.push_str(&self.text) } else { encode_encoded_into(out, &self.text) }
    }
}

/// A text of at most `N` bytes, without a heap.
#[derive(Clone, Copy, Debug)]
pub struct Short<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Self { bytes: [0; N], length: 0 }
    }
}

impl<const N: usize> Short<N> {
    #[inline]
    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length + bytes.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }
}

impl<const N: usize> std::ops::Deref for Short<N> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// The long way.
#[cold]
fn recode(raw: &str, plus: Plus) -> Result<String, DecodeError> {
    let decoded = decode(raw.as_bytes(), plus)?;
    let mut canonical = String::with_capacity(raw.len() + 8);
    encode_into(&mut canonical, decoded.as_bytes());
    Ok(canonical)
}

/// How a text as received is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Unreserved bytes alone.
    Plain,
    /// Unreserved bytes, and upper-case escapes of printable ASCII bytes that are not unreserved.
    Canonical,
    /// In another way, perhaps a wrong one. Escapes of other bytes count as such too: the long way checks UTF-8.
    Other,
}

#[inline]
fn form(raw: &[u8]) -> Form {
    if scan::all_unreserved(raw) { Form::Plain } else { form_with_escapes(raw) }
}

fn form_with_escapes(raw: &[u8]) -> Form {
    let mut rest = raw;
    loop {
        let (high, low, after) = match rest.get(scan::unreserved_prefix(rest)..) {
            Some([b'%', high, low, after @ ..]) => (high, low, after),
            Some([]) => return Form::Canonical,
            _ => return Form::Other,
        };
        let lower_case = high.is_ascii_lowercase() || low.is_ascii_lowercase();
        match escape(Some(*high), Some(*low)) {
            Some(value @ b' '..=b'~') if !is_unreserved(value) && !lower_case => rest = after,
            _ => return Form::Other,
        }
    }
}

/// The bytes as text if all of them are unreserved, and therefore ASCII.
fn unreserved(bytes: &[u8]) -> Option<&str> {
    scan::all_unreserved(bytes).then(|| std::str::from_utf8(bytes).ok()).flatten()
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
        fn the_short_way_and_the_long_way_agree(raw in "([A-Za-z0-9+~é -]|%[0-9A-F]{2}|%){0,12}") {
            let long = decode(raw.as_bytes(), Plus::IsSpace).map(|text| encode(text.as_bytes()).into_owned());
            prop_assert_eq!(canonical(&raw, Plus::IsSpace).map(Cow::into_owned), long.clone());
            let encoded = Encoded::read(&raw, Plus::IsSpace);
            prop_assert_eq!(encoded.clone().map(|encoded| encoded.as_str().to_owned()), long);
            if let Ok(encoded) = encoded {
                let text = decode(raw.as_bytes(), Plus::IsSpace).unwrap();
                prop_assert_eq!(encoded.decoded(), text.as_str());
                let printable = (1..=8).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
                prop_assert_eq!(encoded.is_printable(8), printable);
                let short = encoded.decoded_short::<64>();
                prop_assert_eq!(short.as_deref(), Some(text.as_str()));
                prop_assert_eq!(encoded.decoded_short::<8>().is_some(), text.len() <= 8);
                let (mut twice, mut long_way) = (String::new(), String::new());
                encoded.encode_into(&mut twice);
                encode_encoded_into(&mut long_way, encoded.as_str());
                prop_assert_eq!(twice, long_way);
            }
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
