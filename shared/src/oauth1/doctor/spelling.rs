//! How parameters are encoded and sorted (RFC 5849 section 3.4.1.3.2), and how clients do it otherwise.

use super::case::{Case, decode};
use super::encoding::Encoding;
use super::signed::{Parameter, Signed};
use super::variant::{Part, Row, Variant};
use crate::oauth1::Location;
use crate::oauth1::percent::Plus;

/// How the normalised parameters are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Spelling {
    pub names: Encoding,
    pub values: Encoding,
    /// Of the three parts of the base string.
    pub outer: Encoding,
    pub order: Order,
}

/// By what the parameters are sorted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The right one: by encoded name, then by encoded value.
    Encoded,
    /// By decoded name and value.
    Decoded,
    /// By encoded name; equal names as sent.
    Name,
    /// By the text `name=value`.
    Joined,
    /// As sent.
    Sent,
}

impl Default for Spelling {
    fn default() -> Self {
        let right = Encoding::Rfc5849;
        Self { names: right, values: right, outer: right, order: Order::Encoded }
    }
}

impl Spelling {
    /// `name=value` joined by `&`.
    pub(super) fn normalise(self, parameters: &[Parameter]) -> String {
        let mut pairs: Vec<(String, String, &Parameter)> = parameters
            .iter()
            .map(|p| match p.verbatim {
                true => (p.raw.0.clone(), p.raw.1.clone(), p),
                false => (self.names.encode(&p.name), self.values.encode(&p.value), p),
            })
            .collect();
        match self.order {
            Order::Encoded => pairs.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1))),
            Order::Decoded => pairs.sort_by(|a, b| (&a.2.name, &a.2.value).cmp(&(&b.2.name, &b.2.value))),
            Order::Name => pairs.sort_by(|a, b| a.0.cmp(&b.0)),
            Order::Joined => pairs.sort_by_cached_key(|(name, value, _)| [name.as_str(), "=", value].concat()),
            Order::Sent => {}
        }
        let pairs: Vec<String> =
            pairs.into_iter().map(|(name, value, _)| [name.as_str(), "=", &value].concat()).collect();
        pairs.join("&")
    }
}

pub(super) fn variants(_: &Case<'_>) -> Vec<Variant> {
    Variant::rows(Part::Spelling, ROWS).collect()
}

/// Special cases before general ones.
const ROWS: &[Row] = &[
    (
        "plus_not_space",
        "The client signs a + of the query or the form as a plus sign: there it stands for a space. A plus sign is \
         sent as %2B.",
        |signed| reread(signed, |raw| decode(raw, Plus::IsPlus)),
    ),
    (
        "encoded_twice",
        "The client encodes parameter values once more before they enter the base string: give its signing function \
         the plain values.",
        |signed| signed.spelling.values = Encoding::Twice,
    ),
    (
        "encoded_twice",
        "The client signs the values of the query and the form as they are written there, encoded, and encodes them \
         again: they must be decoded first (RFC 5849 section 3.4.1.3.1).",
        |signed| reread(signed, |raw| raw.to_owned()),
    ),
    (
        "query_verbatim",
        "The client signs the query or the form as it is written there: it must be decoded and encoded anew (RFC 5849 \
         section 3.4.1.3.2).",
        |signed| requested(signed).for_each(|p| p.verbatim = true),
    ),
    (
        "space_as_plus",
        "The client signs a space as +: in the base string it is %20 (RFC 5849 section 3.6).",
        |signed| encode(signed, Encoding::PlusForSpace),
    ),
    (
        "tilde_encoded",
        "The client encodes ~ as %7E: in the base string it stays as it is (RFC 5849 section 3.6).",
        |signed| encode(signed, Encoding::Tilde),
    ),
    (
        "form_encoding",
        "The client encodes for the base string as for an HTML form, with + for a space and * left as it is: RFC 5849 \
         section 3.6 encodes everything but A-Z a-z 0-9 - . _ ~.",
        |signed| encode(signed, Encoding::Form),
    ),
    (
        "characters_not_encoded",
        "The client leaves the characters ! * ' ( ) as they are, as JavaScript's encodeURIComponent does: in the base \
         string they are encoded (RFC 5849 section 3.6).",
        |signed| encode(signed, Encoding::UriComponent),
    ),
    (
        "lower_case_hex",
        "The client writes escapes in lower case (%2f): in the base string they are in upper case (RFC 5849 section \
         3.6).",
        |signed| encode(signed, Encoding::LowerHex),
    ),
    (
        "lower_case_hex",
        "The client writes every escape of the base string in lower case (%2f): they must be in upper case (RFC 5849 \
         section 3.6).",
        |signed| everywhere(signed, Encoding::LowerHex),
    ),
    (
        "lower_case_hex",
        "The client encodes with .NET's HttpUtility.UrlEncode, in lower case and with + for a space: RFC 5849 section \
         3.6 wants what Uri.EscapeDataString writes.",
        |signed| everywhere(signed, Encoding::DotNet),
    ),
    (
        "not_encoded",
        "The client does not encode names and values before it joins them: they are encoded, joined, and encoded again \
         (RFC 5849 section 3.4.1.3.2).",
        |signed| encode(signed, Encoding::None),
    ),
    (
        "names_not_encoded",
        "The client encodes values but not names, so a name such as a[] is signed as it is: both are encoded (RFC 5849 \
         section 3.4.1.3.2).",
        |signed| signed.spelling.names = Encoding::None,
    ),
    (
        "values_not_encoded",
        "The client encodes names but not values: both are encoded (RFC 5849 section 3.4.1.3.2).",
        |signed| signed.spelling.values = Encoding::None,
    ),
    (
        "sorted_decoded",
        "The client sorts the parameters before it encodes them: they are encoded first, then sorted (RFC 5849 section \
         3.4.1.3.2).",
        |signed| signed.spelling.order = Order::Decoded,
    ),
    (
        "sorted_by_name",
        "The client sorts by name alone: parameters of the same name are sorted by value (RFC 5849 section 3.4.1.3.2).",
        |signed| signed.spelling.order = Order::Name,
    ),
    (
        "sorted_joined",
        "The client sorts the joined name=value texts: names are compared first, then values (RFC 5849 section \
         3.4.1.3.2).",
        |signed| signed.spelling.order = Order::Joined,
    ),
    ("not_sorted", "The client does not sort the parameters (RFC 5849 section 3.4.1.3.2).", |signed| {
        signed.spelling.order = Order::Sent
    }),
];

/// The parameters of query and form.
fn requested(signed: &mut Signed) -> impl Iterator<Item = &mut Parameter> {
    signed.parameters.iter_mut().filter(|p| p.location != Location::Header)
}

fn reread(signed: &mut Signed, read: fn(&str) -> String) {
    requested(signed).for_each(|p| (p.name, p.value) = (read(&p.raw.0), read(&p.raw.1)));
}

fn encode(signed: &mut Signed, encoding: Encoding) {
    (signed.spelling.names, signed.spelling.values) = (encoding, encoding);
}

fn everywhere(signed: &mut Signed, encoding: Encoding) {
    encode(signed, encoding);
    signed.spelling.outer = encoding;
}
