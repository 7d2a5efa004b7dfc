//! How names and values may be written into a base string, besides RFC 5849 section 3.6's way.

use crate::oauth1::percent;

/// A way to percent-encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// The right one.
    Rfc5849,
    /// Not at all.
    None,
    /// The right one, twice.
    Twice,
    /// `+` for a space.
    PlusForSpace,
    /// HTML forms, and Java's `URLEncoder`: `+` for a space, `*` left, `~` encoded.
    Form,
    /// JavaScript's `encodeURIComponent`: leaves `! * ' ( )`.
    UriComponent,
    /// `~` encoded: PHP before 5.3.
    Tilde,
    /// Escapes in lower case.
    LowerHex,
    /// .NET's `HttpUtility.UrlEncode`: as for forms, in lower case, and leaves `! * ( )`.
    DotNet,
}

impl Encoding {
    pub(super) fn encode(self, text: &str) -> String {
        if self == Self::None {
            return text.into();
        }
        // A `%` of the text is `%25` here, so no replacement below can touch it.
        let right = percent::encode(text.as_bytes()).into_owned();
        match self {
            Self::Rfc5849 | Self::None => right,
            Self::Twice => percent::encode(right.as_bytes()).into_owned(),
            Self::PlusForSpace => right.replace("%20", "+"),
            Self::Form => leave(&right.replace("%20", "+").replace('~', "%7E"), "*"),
            Self::UriComponent => leave(&right, "!*'()"),
            Self::Tilde => right.replace('~', "%7E"),
            Self::LowerHex => lower_hex(&right),
            Self::DotNet => lower_hex(&leave(&right.replace("%20", "+").replace('~', "%7E"), "!*()")),
        }
    }
}

/// Takes the encoding of some characters back.
fn leave(encoded: &str, characters: &str) -> String {
    characters
        .chars()
        .fold(encoded.to_owned(), |text, c| text.replace(&format!("%{:02X}", u32::from(c)), &c.to_string()))
}

/// Every escape in lower case.
pub(super) fn lower_hex(encoded: &str) -> String {
    escapes(encoded, |digits| digits.to_ascii_lowercase())
}

/// Every escape in upper case.
pub(super) fn upper_hex(encoded: &str) -> String {
    escapes(encoded, |digits| digits.to_ascii_uppercase())
}

fn escapes(encoded: &str, change: fn(&str) -> String) -> String {
    let mut pieces = encoded.split('%');
    let mut out = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        out.extend(["%", &change(digits), rest]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_writes_as_its_clients_do() {
        for (encoding, wanted) in [
            (Encoding::Rfc5849, "a%20~%21%2A%27%2Fé%2520"),
            (Encoding::None, "a ~!*'/é%20"),
            (Encoding::Twice, "a%2520~%2521%252A%2527%252Fé%252520"),
            (Encoding::PlusForSpace, "a+~%21%2A%27%2Fé%2520"),
            (Encoding::Form, "a+%7E%21*%27%2Fé%2520"),
            (Encoding::UriComponent, "a%20~!*'%2Fé%2520"),
            (Encoding::Tilde, "a%20%7E%21%2A%27%2Fé%2520"),
            (Encoding::LowerHex, "a%20~%21%2a%27%2fé%2520"),
            (Encoding::DotNet, "a+%7e!*%27%2fé%2520"),
        ] {
            let wanted = match encoding {
                Encoding::None => wanted.to_owned(),
                Encoding::Twice => wanted.replace('é', "%25C3%25A9"),
                Encoding::LowerHex | Encoding::DotNet => wanted.replace('é', "%c3%a9"),
                _ => wanted.replace('é', "%C3%A9"),
            };
            assert_eq!(encoding.encode("a ~!*'/é%20"), wanted, "{encoding:?}");
        }
    }

    #[test]
    fn broken_escapes_survive() {
        assert_eq!(upper_hex("%2f%é%a"), "%2F%é%A");
    }
}
