//! What stands in `oauth_signature`, and why it is not what it should be.

use super::case::Case;
use super::cause::Cause;
use super::encoding::Encoding;
use super::search::{self, InVain};
use super::signed::Signed;
use super::written::{self, Written};
use crate::oauth1::SignatureMethod;

/// Everything that is wrong with the signature; nothing if it verifies.
pub(super) fn causes(case: &Case<'_>) -> Vec<Cause> {
    let (Some(text), Some(named)) = (&case.signature, case.algorithm()) else { return Vec::new() };
    let mut honest = case.honest();
    if is_plaintext(&honest, text) {
        return vec![Cause::new(
            "plaintext_used",
            format!(
                "The signature is the secrets themselves, as with PLAINTEXT, though {named} is named. They have been \
                 sent over the wire and should be replaced."
            ),
        )];
    }
    let Some((written, used)) = read(text) else { return vec![malformed(text)] };
    let mut causes: Vec<Cause> = written.cause.into_iter().collect();
    if used != named {
        causes.push(other_method(named, used, written.bytes.len()));
    }
    honest.algorithm = used;
    if !honest.gives(&written.bytes) {
        let found = search::search(case, &honest, &written.bytes);
        causes.extend(found.unwrap_or_else(|tried| vec![unexplained(case, &tried)]));
    }
    causes
}

/// The signature as sent, if showing it gives nothing away.
pub(super) fn printable(case: &Case<'_>) -> Option<String> {
    let text = case.signature.as_ref()?;
    let harmless = !is_plaintext(&case.honest(), text) && read(text).is_some();
    harmless.then(|| text.clone())
}

/// RFC 5849 section 3.4.4: the key itself, encoded or not.
fn is_plaintext(honest: &Signed, text: &str) -> bool {
    [Encoding::Rfc5849, Encoding::None].into_iter().any(|encoding| {
        let mut key = honest.key.clone();
        key.encoding = encoding;
        key.text().as_str() == text
    })
}

/// The signature's bytes, however they were written, and the method they were made with: no two of ours give the
/// same length.
fn read(text: &str) -> Option<(Written, SignatureMethod)> {
    let written = written::read("signature", text)?;
    let method = SignatureMethod::ALL.into_iter().find(|method| method.signature_bytes() == written.bytes.len())?;
    Some((written, method))
}

fn malformed(text: &str) -> Cause {
    Cause::new(
        "signature_malformed",
        "The signature is not the Base64 of 20, 32 or 64 bytes, and nothing else that could be read: it was cut off or \
         altered.",
    )
    .found(format!("{} characters", text.chars().count()))
}

fn other_method(named: SignatureMethod, used: SignatureMethod, bytes: usize) -> Cause {
    let detail = format!("The client names {named}, but its signature has {bytes} bytes: it was made with {used}.");
    Cause::new("signature_method_differs", detail).found(used.name()).expected(named.name())
}

fn unexplained(case: &Case<'_>, tried: &InVain) -> Cause {
    let secret = match (case.consumer_secret.is_empty(), case.token()) {
        (true, _) => "The consumer secret given here is empty: was that meant?",
        (false, Some(_)) => {
            "Most likely a secret is wrong: the consumer's, the token's, or one of another environment."
        }
        (false, None) => "Most likely the consumer secret is wrong, or one of another environment.",
    };
    Cause::new(
        "unexplained",
        format!(
            "None of {} known mistakes and {} pairs of them gives the signature that was sent. {secret} Not tried \
             either: three mistakes at once, a nonce or a timestamp other than the one sent, a parameter whose value \
             changed on the way. Compare the base string here with the client's, piece by piece.",
            tried.guesses, tried.pairs
        ),
    )
}
