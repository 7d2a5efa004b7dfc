//! The key (RFC 5849 section 3.4.2), and how clients build it otherwise. Nothing here says a secret.

use super::case::Case;
use super::encoding::Encoding;
use super::signed::Signed;
use super::variant::{Part, Row, Variant};
use crate::secret::Secret;

pub(super) fn variants(case: &Case<'_>) -> Vec<Variant> {
    let mut variants: Vec<Variant> = token_secret(case).into_iter().collect();
    variants.extend(Variant::rows(Part::Key, ROWS));
    variants.extend(key_for_secret(case));
    for (whose, of) in [("consumer", consumer as Pick), ("token", token)] {
        variants.extend(whitespace(whose, of));
    }
    variants
}

const ROWS: &[Row] = &[
    (
        "secrets_not_encoded",
        "The client puts the secrets into the key as they are: they are percent-encoded first (RFC 5849 section 3.4.2).",
        |signed| signed.key.encoding = Encoding::None,
    ),
    (
        "secrets_not_encoded",
        "The client encodes the secrets as for an HTML form: RFC 5849 section 3.4.2 wants the encoding of section 3.6.",
        |signed| signed.key.encoding = Encoding::Form,
    ),
    (
        "ampersand_missing",
        "The client's key is the consumer secret alone: an & follows it even when there is no token (RFC 5849 section \
         3.4.2).",
        |signed| signed.key.ampersand = false,
    ),
    (
        "secrets_swapped",
        "The client's key has the secrets in the wrong order: it is the consumer secret, &, the token secret.",
        |signed| std::mem::swap(&mut signed.key.consumer, &mut signed.key.token),
    ),
    (
        "consumer_secret_left_out",
        "The client signs with an empty consumer secret: its configuration does not reach it.",
        |signed| signed.key.consumer = Secret::default(),
    ),
];

/// The token secret belongs into the key if, and only if, there is a token.
fn token_secret(case: &Case<'_>) -> Option<Variant> {
    let secret = case.token_secret.clone();
    match case.token() {
        Some(_) => Some(Variant::new(
            Part::Key,
            "token_secret_left_out",
            "The client sends a token and signs without its secret: the key is the consumer secret, &, the token secret.",
            |signed| signed.key.token = Secret::default(),
        )),
        None if secret.is_empty() => None,
        None => Some(Variant::new(
            Part::Key,
            "token_secret_without_token",
            "The client signs with a token secret but sends no oauth_token.",
            move |signed| signed.key.token = secret.clone(),
        )),
    }
}

/// The public halves where the secret ones belong.
fn key_for_secret(case: &Case<'_>) -> Vec<Variant> {
    let consumer = Secret::new(case.value("oauth_consumer_key").unwrap_or(""));
    let token = Secret::new(case.token().unwrap_or(""));
    let words = "The client signs with the public key in the place of the secret: two settings are exchanged.";
    vec![
        Variant::new(Part::Key, "key_for_secret", words, move |signed| signed.key.consumer = consumer.clone()),
        Variant::new(Part::Key, "key_for_secret", words, move |signed| signed.key.token = token.clone()),
    ]
}

type Pick = fn(&mut Signed) -> &mut Secret;

fn consumer(signed: &mut Signed) -> &mut Secret {
    &mut signed.key.consumer
}

fn token(signed: &mut Signed) -> &mut Secret {
    &mut signed.key.token
}

/// A secret read from a file often has the file's newline at its end.
fn whitespace(whose: &'static str, of: Pick) -> Vec<Variant> {
    let ends = [("\n", "a newline"), ("\r\n", "a carriage return and a newline"), (" ", "a space")];
    let mut variants: Vec<Variant> = ends
        .into_iter()
        .map(|(end, name)| {
            let words = format!(
                "The client's {whose} secret has {name} at its end, as when it is read from a file: cut it off."
            );
            Variant::new(Part::Key, "secret_whitespace", words, move |signed| {
                let secret = of(signed);
                *secret = Secret::new([secret.expose(), end].concat());
            })
        })
        .collect();
    let words = format!("The {whose} secret given here has blanks or newlines around it that the client's has not.");
    variants.push(Variant::new(Part::Key, "secret_whitespace", words, move |signed| {
        let secret = of(signed);
        *secret = Secret::new(secret.expose().trim());
    }));
    variants
}
