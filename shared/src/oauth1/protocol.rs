//! The protocol parameters that have a meaning here (RFC 5849 section 3.1, draft-eaton-oauth-bodyhash-00), each at its
//! place. Others whose names begin with `oauth_` are signed and otherwise left alone.

use super::percent::Encoded;

/// Which one. In the order of their names, which is the order of the base string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    BodyHash,
    ConsumerKey,
    Nonce,
    Signature,
    SignatureMethod,
    Timestamp,
    Token,
    Version,
}

impl Known {
    const COUNT: usize = 8;
    const ALL: [Self; Self::COUNT] = [
        Self::BodyHash,
        Self::ConsumerKey,
        Self::Nonce,
        Self::Signature,
        Self::SignatureMethod,
        Self::Timestamp,
        Self::Token,
        Self::Version,
    ];
    /// What RFC 5849 section 3.1 requires, in its order.
    const REQUIRED: [Self; 5] =
        [Self::ConsumerKey, Self::SignatureMethod, Self::Signature, Self::Timestamp, Self::Nonce];

    /// The one of this exact name.
    #[inline]
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "oauth_body_hash" => Self::BodyHash,
            "oauth_consumer_key" => Self::ConsumerKey,
            "oauth_nonce" => Self::Nonce,
            "oauth_signature" => Self::Signature,
            "oauth_signature_method" => Self::SignatureMethod,
            "oauth_timestamp" => Self::Timestamp,
            "oauth_token" => Self::Token,
            "oauth_version" => Self::Version,
            _ => return None,
        })
    }

    /// The one with which a text begins that has the usual spelling of the header, `name="`, and what follows.
    #[inline]
    pub(super) fn opening(text: &str) -> Option<(Self, &str)> {
        let name = text.strip_prefix("oauth_")?;
        let (known, opening) = match name.as_bytes().first()? {
            b'b' => (Self::BodyHash, name.strip_prefix("body_hash=\"")),
            b'c' => (Self::ConsumerKey, name.strip_prefix("consumer_key=\"")),
            b'n' => (Self::Nonce, name.strip_prefix("nonce=\"")),
            b's' => match name.strip_prefix("signature=\"") {
                Some(rest) => (Self::Signature, Some(rest)),
                None => (Self::SignatureMethod, name.strip_prefix("signature_method=\"")),
            },
            b't' => match name.strip_prefix("token=\"") {
                Some(rest) => (Self::Token, Some(rest)),
                None => (Self::Timestamp, name.strip_prefix("timestamp=\"")),
            },
            b'v' => (Self::Version, name.strip_prefix("version=\"")),
            _ => return None,
        };
        Some((known, opening?))
    }

    /// Its name, which needs no encoding.
    #[inline]
    pub(super) fn name(self) -> &'static str {
        self.joined().get(AND.len()..).and_then(|rest| rest.strip_suffix(IS)).unwrap_or_default()
    }

    /// Its name between `&` and `=`, encoded as in the base string.
    #[inline]
    pub(super) const fn joined(self) -> &'static str {
        match self {
            Self::BodyHash => "%26oauth_body_hash%3D",
            Self::ConsumerKey => "%26oauth_consumer_key%3D",
            Self::Nonce => "%26oauth_nonce%3D",
            Self::Signature => "%26oauth_signature%3D",
            Self::SignatureMethod => "%26oauth_signature_method%3D",
            Self::Timestamp => "%26oauth_timestamp%3D",
            Self::Token => "%26oauth_token%3D",
            Self::Version => "%26oauth_version%3D",
        }
    }
}

/// `&` between two parameters, in the base string.
pub(super) const AND: &str = "%26";
/// `=` between name and value, in the base string.
pub(super) const IS: &str = "%3D";

/// Their values.
#[derive(Clone, Debug, Default)]
pub(super) struct Protocol<'a>([Option<Encoded<'a>>; Known::COUNT]);

impl<'a> Protocol<'a> {
    /// The value of one.
    #[inline]
    pub(super) fn get(&self, known: Known) -> Option<&Encoded<'a>> {
        self.0.get(known as usize)?.as_ref()
    }

    /// Puts a value in its place; false if there is one.
    #[inline]
    pub(super) fn put(&mut self, known: Known, value: Encoded<'a>) -> bool {
        match self.0.get_mut(known as usize) {
            Some(place @ None) => {
                *place = Some(value);
                true
            }
            _ => false,
        }
    }

    /// Those that are signed, in order: the signature itself is not.
    #[inline]
    pub(super) fn signed(&self) -> impl Iterator<Item = (Known, &Encoded<'a>)> {
        let all = Known::ALL.into_iter().zip(&self.0);
        all.filter(|(known, _)| *known != Known::Signature).filter_map(|(known, value)| Some((known, value.as_ref()?)))
    }

    /// The names of those that are required and not there.
    pub(super) fn missing(&self) -> impl Iterator<Item = &'static str> {
        Known::REQUIRED.into_iter().filter(|known| self.get(*known).is_none()).map(Known::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_name_and_the_names_are_in_order() {
        let names = Known::ALL.map(Known::name);
        assert!(names.is_sorted());
        for (known, name) in Known::ALL.into_iter().zip(names) {
            assert_eq!(Known::of(name), Some(known));
            assert_eq!(known.joined(), format!("{AND}{name}{IS}"));
            assert_eq!(Known::opening(&format!("{name}=\"x")), Some((known, "x")));
            assert_eq!(Known::opening(&format!("{name}=x")), None);
        }
        assert_eq!(Known::of("oauth_callback"), None);
        assert_eq!(Known::of("OAUTH_NONCE"), None);
    }

    #[test]
    fn a_place_is_taken_once_and_the_signature_is_not_signed() {
        let mut protocol = Protocol::default();
        assert!(protocol.put(Known::Signature, Encoded::plain("s")));
        assert!(protocol.put(Known::Nonce, Encoded::plain("n")));
        assert!(!protocol.put(Known::Nonce, Encoded::plain("m")));
        assert_eq!(protocol.get(Known::Nonce).map(Encoded::as_str), Some("n"));
        assert_eq!(protocol.signed().count(), 1);
        let missing: Vec<_> = protocol.missing().collect();
        assert_eq!(missing, ["oauth_consumer_key", "oauth_signature_method", "oauth_timestamp"]);
    }
}
