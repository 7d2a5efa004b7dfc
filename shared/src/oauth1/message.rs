//! What was received, whichever door it came through.

use memchr::memmem::Finder;
use std::sync::LazyLock;

/// The `Authorization` header fields of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization<'a> {
    /// No such field.
    Absent,
    /// One field, its raw value.
    One(&'a [u8]),
    /// More than one field: ambiguous, refused.
    Several,
}

/// A request as received, in raw bytes: nothing in it is decoded, and nothing is believed yet.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The method in any letter case.
    pub method: &'a str,
    /// The path as sent; may be empty.
    pub path: &'a str,
    /// The query as sent, without its `?`.
    pub query: Option<&'a str>,
    /// The `Authorization` fields.
    pub authorization: Authorization<'a>,
    /// The raw `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The body if it is a form (see [`is_form`]); ignored otherwise.
    pub form: &'a [u8],
}

impl<'a> Message<'a> {
    /// What looks like the token, in the spelling of nearly every client: a hint for whoever has to look it up and wants to
    /// begin early. Nothing is believed, and there may be another one.
    pub fn probable_token(&self) -> Option<&'a [u8]> {
        static OPENING: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"oauth_token=\""));
        let Authorization::One(header) = self.authorization else { return None };
        let start = OPENING.find(header)? + OPENING.needle().len();
        let rest = header.get(start..)?;
        rest.get(..memchr::memchr(b'"', rest)?)
    }
}

/// True if a body of this `Content-Type` is part of the base string (RFC 5849 section 3.4.1.3.1): the media type
/// *equals* `application/x-www-form-urlencoded`, whatever its parameters and letter case.
pub fn is_form(content_type: Option<&str>) -> bool {
    content_type
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_guessed_from_the_usual_spelling_alone() {
        let guess = |header: &'static [u8]| {
            let message = Message {
                method: "GET",
                path: "/",
                query: None,
                authorization: Authorization::One(header),
                content_type: None,
                form: b"",
            };
            message.probable_token()
        };
        assert_eq!(guess(b"OAuth a=\"b\", oauth_token=\"t_1\", c=\"d\""), Some(&b"t_1"[..]));
        for header in
            [&b"OAuth oauth_token=t_1"[..], b"OAuth oauth_token=\"t_1", b"", b"OAuth oauth_token_secret=\"t\""]
        {
            assert_eq!(guess(header), None);
        }
    }

    #[test]
    fn only_the_exact_media_type_is_a_form() {
        assert!(is_form(Some("application/x-www-form-urlencoded")));
        assert!(is_form(Some(" Application/X-WWW-Form-URLEncoded ; charset=UTF-8")));
        assert!(!is_form(Some("application/x-www-form-urlencoded+json")));
        assert!(!is_form(Some("text/plain; x=application/x-www-form-urlencoded")));
        assert!(!is_form(Some("multipart/form-data")));
        assert!(!is_form(None));
    }
}
