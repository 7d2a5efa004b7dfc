//! Names, parsed once at the border. Inside, a name is a type and needs no second look.

use crate::error::Refusal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Why a text is not a name of its kind, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

impl Malformed {
    /// The refusal that goes with it.
    pub fn in_field(self, field: &str) -> Refusal {
        Refusal::invalid(field, "malformed", self.0)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[inline]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.to_owned())) } else { Err(Malformed($rule)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $rule })
            }
        }
    };
}

text_id!(
    /// The name a person signs in with. Kept as written; two names that differ only in case are the same name.
    Username,
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+'))
        && text != "me",
    "1 to 64 of the characters A-Z a-z 0-9 . _ - + (and not the word me)"
);

impl Username {
    /// The form that is compared: lower case.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

text_id!(
    /// An e-mail address. Not proved to work, only to look like one.
    Email,
    |text| text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(local, domain)| {
            (1..=64).contains(&local.len())
                && !domain.is_empty()
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !local.contains('@')
        })
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',')),
    "an e-mail address such as name@example.com, at most 254 bytes"
);

impl Email {
    /// The form that is compared: lower case.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

text_id!(
    /// A service of the site, such as `blog`: the part of the site a consumer belongs to and a profile is kept for.
    ServiceName,
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        && text != "me",
    "1 to 64 of the characters a-z 0-9 _ - (and not the word me)"
);

text_id!(
    /// The public half of a consumer's credentials.
    ConsumerKey,
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
    "1 to 128 of the characters A-Z a-z 0-9 _ -"
);

text_id!(
    /// The public half of a token.
    TokenKey,
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
    "1 to 128 of the characters A-Z a-z 0-9 _ -"
);

/// A user in a path or a field: an id, or `me` for the caller's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserRef {
    /// The user whose token the request carries.
    Me,
    /// This user.
    Id(Uuid),
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Me => f.write_str("me"),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl FromStr for UserRef {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "me" => Ok(Self::Me),
            id => id.parse().map(Self::Id).map_err(|_| Malformed("a user id (a UUID) or the word me")),
        }
    }
}

impl Serialize for UserRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UserRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for UserRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UserRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A user id (a UUID), or `me` for the token's user." })
    }
}

/// A token in a path: its key, or `self` for the one the request is signed with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenRef {
    /// The token of this request.
    Own,
    /// This token.
    Key(TokenKey),
}

impl fmt::Display for TokenRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("self"),
            Self::Key(key) => key.fmt(f),
        }
    }
}

impl FromStr for TokenRef {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text == "self" { Ok(Self::Own) } else { text.parse().map(Self::Key) }
    }
}

impl Serialize for TokenRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for TokenRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TokenRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A token, or `self` for the one the request is signed with." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_they_say() {
        assert!("ada.lovelace+1".parse::<Username>().is_ok());
        for bad in ["", "a b", "a@b", "é", "a:b", "me", &"x".repeat(65)] {
            assert!(bad.parse::<Username>().is_err(), "{bad}");
        }
        assert_eq!("Ada".parse::<Username>().unwrap().folded(), "ada");
        for good in ["a@b", "ada@example.com", "ada+x@mail.example.co.uk"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        for bad in ["a", "@b", "a@", "a@.b", "a@b@c", "a b@c", "a@b\r\nBcc: x"] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        assert!("blog-2".parse::<ServiceName>().is_ok());
        assert!("Blog.x".parse::<ServiceName>().is_err());
    }

    #[test]
    fn me_and_self_are_words_of_their_own() {
        assert_eq!("me".parse::<UserRef>().unwrap(), UserRef::Me);
        assert!("you".parse::<UserRef>().is_err());
        assert_eq!("self".parse::<TokenRef>().unwrap(), TokenRef::Own);
    }
}
