//! The `Authorization` header (RFC 5849 section 3.5.1, RFC 9110 section 11.4).

use super::limits;
use super::protocol::Known;
use super::scan::{find, unreserved_prefix};
use crate::error::{Code, Refusal};

/// One `name=value` of the header, still percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    pub(super) name: Name<'a>,
    pub(super) value: &'a str,
    /// It is known that the value holds unreserved characters alone.
    pub(super) plain: bool,
}

/// The name of a parameter, still percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// One that has a meaning here, in its usual spelling.
    Known(Known),
    /// Any.
    Other(&'a str),
}

impl<'a> Name<'a> {
    fn of(name: &'a str) -> Self {
        Known::of(name).map_or(Self::Other(name), Self::Known)
    }

    /// As it was written.
    pub(super) fn as_str(&self) -> &'a str {
        match self {
            Self::Known(known) => known.name(),
            Self::Other(name) => name,
        }
    }
}

/// Iterates over the parameters of an `OAuth` header. `None` if the header is of another scheme, which is then as
/// if it were not there.
pub(super) fn parameters(value: &[u8]) -> Result<Option<Pairs<'_>>, Refusal> {
    let scheme_end = value.iter().position(|&byte| is_blank(byte)).unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(scheme_end).unwrap_or((value, b""));
    if !scheme.eq_ignore_ascii_case(b"OAuth") {
        return Ok(None);
    }
    if value.len() > limits::HEADER_BYTES {
        return Err(rejected("the Authorization header is longer than 8 KiB"));
    }
    // Without a branch for each byte, so that many are looked at in one step.
    let strange = |found: bool, &b: &u8| found | ((b < 0x20) & (b != b'\t')) | (b > 0x7e);
    if value.iter().fold(false, strange) {
        return Err(rejected("the Authorization header holds a byte that is not printable ASCII"));
    }
    // Printable ASCII is UTF-8.
    Ok(Some(Pairs { rest: std::str::from_utf8(rest).unwrap_or_default() }))
}

/// The parameters, one after the other. Empty list elements are passed over.
pub(super) struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, Refusal>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(pair) = self.usual_pair() {
            return Some(Ok(pair));
        }
        self.rest = trim_start(self.rest, |byte| matches!(byte, b' ' | b'\t' | b','));
        if self.rest.is_empty() {
            return None;
        }
        Some(self.pair().ok_or_else(|| {
            self.rest = "";
            rejected("the Authorization header is not a list of name=\"value\"")
        }))
    }
}

impl<'a> Pairs<'a> {
    /// A pair as nearly every client writes nearly all of them: `, name="value"` with a name that has a meaning, with or
    /// without the comma and one space before it.
    /// `None` if it is written otherwise, and nothing is consumed: then it is read with patience.
    #[inline]
    fn usual_pair(&mut self) -> Option<Pair<'a>> {
        let rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let (known, rest) = Known::opening(rest)?;
        let mut end = unreserved_prefix(rest.as_bytes());
        let plain = rest.as_bytes().get(end) == Some(&b'"');
        if !plain {
            end += find(b'"', rest.as_bytes().get(end..)?)?;
        }
        let (value, rest) = rest.split_at_checked(end)?;
        let rest = rest.get(1..)?;
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
        self.rest = rest;
        Some(Pair { name: Name::Known(known), value, plain })
    }

    /// A pair in any spelling that is allowed.
    fn pair(&mut self) -> Option<Pair<'a>> {
        let (name, rest) = self.rest.split_at_checked(find(b'=', self.rest.as_bytes())?)?;
        let name = name.trim_ascii_end();
        let strange = |found: bool, b: u8| found | (b == b' ') | (b == b'\t') | (b == b'"') | (b == b',');
        if name.is_empty() || name.bytes().fold(false, strange) {
            return None;
        }
        let rest = trim_start(rest.get(1..)?, is_blank);
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, rest) = quoted.split_at_checked(find(b'"', quoted.as_bytes())?)?;
                (value, rest.get(1..)?)
            }
            None => {
                let end = rest.bytes().position(|byte| byte == b',' || is_blank(byte)).unwrap_or(rest.len());
                let (value, rest) = rest.split_at_checked(end)?;
                if value.contains('"') {
                    return None;
                }
                (value, rest)
            }
        };
        // Between two parameters there must be a comma.
        let rest = trim_start(rest, is_blank);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
        self.rest = rest;
        Some(Pair { name: Name::of(name), value, plain: false })
    }
}

/// What follows the leading bytes of a kind.
#[inline]
fn trim_start(text: &str, kind: impl Fn(u8) -> bool) -> &str {
    let end = text.bytes().position(|byte| !kind(byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

#[inline]
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn rejected(detail: &'static str) -> Refusal {
    Refusal::new(Code::ParameterRejected, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: &str) -> Result<Vec<(String, String)>, Refusal> {
        parameters(value.as_bytes())?
            .map(|pairs| {
                pairs.map(|pair| pair.map(|pair| (pair.name.as_str().to_owned(), pair.value.to_owned()))).collect()
            })
            .unwrap_or_else(|| Ok(vec![("scheme".into(), "other".into())]))
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()
    }

    #[test]
    fn every_legal_spelling_is_read() {
        let wanted = pairs(&[("realm", "a, b"), ("oauth_nonce", "x=/+")]);
        for value in [
            "OAuth realm=\"a, b\",oauth_nonce=\"x=/+\"",
            "oauth \t realm=\"a, b\" ,\t oauth_nonce=\"x=/+\"",
            "OAUTH ,, realm = \"a, b\",, oauth_nonce = x=/+ , ",
        ] {
            assert_eq!(read(value).unwrap(), wanted, "{value}");
        }
        assert_eq!(read("OAuth").unwrap(), vec![]);
        assert_eq!(read("OAuth realm=\"\"").unwrap(), pairs(&[("realm", "")]));
    }

    #[test]
    fn another_scheme_is_no_oauth() {
        for value in ["OAuthX a=\"b\"", "Bearer abc", "", "Basic OAuth"] {
            assert_eq!(read(value).unwrap(), pairs(&[("scheme", "other")]), "{value}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for value in
            ["OAuth a", "OAuth a=\"b", "OAuth a=\"b\" c=\"d\"", "OAuth =\"b\"", "OAuth a=b\"c", "OAuth a=\"b\"c"]
        {
            assert_eq!(read(value).unwrap_err().code, Code::ParameterRejected, "{value}");
        }
        assert!(read("OAuth a=\"\u{7f}\"").is_err());
        assert!(read("OAuth a=\"b\r\n\"").is_err());
        assert!(read(&format!("OAuth a=\"{}\"", "x".repeat(9000))).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_loop_or_crash(value in "(OAuth )?[ -~\t]{0,64}") {
            let _ = read(&value);
        }

        /// What is read fast is read as it would be with patience.
        #[test]
        fn both_ways_of_reading_a_pair_agree(text in "(, ?)?(oauth_(nonce|token|signature|signature_method|timestamp|body_hash|version|callback)|[a-z_%]{0,20})=\"[a-zA-Z0-9%~ =,-]{0,40}\"?[, ]{0,2}[a-z=\"]{0,5}") {
            let mut usual = Pairs { rest: &text };
            if let Some(fast) = usual.usual_pair() {
                let mut patient = Pairs { rest: text.trim_start_matches([',', ' ']) };
                let slow = patient.pair().unwrap();
                prop_assert_eq!((fast.name, fast.value), (slow.name, slow.value));
                prop_assert_eq!(usual.rest, patient.rest);
                prop_assert_eq!(fast.plain, super::super::percent::encode(fast.value.as_bytes()) == fast.value);
            } else {
                prop_assert_eq!(usual.rest, &text);
            }
        }
    }
}
