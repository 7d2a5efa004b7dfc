//! What refuses nothing here and is worth knowing.

use super::case::Case;
use super::cause::Cause;
use crate::oauth1::{BodyHashAlgorithm, Location, decode_signature};

pub(super) fn causes(case: &Case<'_>) -> Vec<Cause> {
    [location(case), body_hash_algorithm(case), secret_sent(case)].into_iter().flatten().collect()
}

fn location(case: &Case<'_>) -> Option<Cause> {
    let stands = |place| case.parameters.iter().any(|p| p.location == place && p.is_protocol());
    let (code, place, why) = if stands(Location::Query) {
        ("oauth_in_query", "query", " They end up in access logs: better send the Authorization header.")
    } else if stands(Location::Body) {
        ("oauth_in_body", "body", "")
    } else {
        return None;
    };
    let detail = format!(
        "The OAuth parameters stand in the {place}: the consumer must be registered with a location that allows it.{why}"
    );
    Some(Cause::note(code, detail))
}

fn body_hash_algorithm(case: &Case<'_>) -> Option<Cause> {
    let method = case.algorithm()?;
    let sent = match decode_signature(case.value("oauth_body_hash")?).len() {
        20 => BodyHashAlgorithm::Sha1,
        32 => BodyHashAlgorithm::Sha256,
        64 => BodyHashAlgorithm::Sha512,
        _ => return None,
    };
    let name = |algorithm| match algorithm {
        BodyHashAlgorithm::Sha1 => "SHA-1",
        BodyHashAlgorithm::Sha256 => "SHA-256",
        BodyHashAlgorithm::Sha512 => "SHA-512",
    };
    let usual = BodyHashAlgorithm::of(method);
    let detail = format!(
        "The body hash is {}, where {method} would suggest {}. It is accepted, unless the consumer is registered with \
         body_hash = sha256 and this one is SHA-1.",
        name(sent),
        name(usual)
    );
    (sent != usual).then(|| Cause::note("body_hash_algorithm", detail).found(name(sent)).expected(name(usual)))
}

/// A secret among the parameters. It is not shown.
fn secret_sent(case: &Case<'_>) -> Option<Cause> {
    let secrets = [case.consumer_secret, case.token_secret];
    let sent = case.parameters.iter().find(|p| {
        let is_one = secrets.iter().any(|secret| !secret.is_empty() && secret.expose() == p.value);
        is_one && !matches!(p.name.as_str(), "oauth_consumer_key" | "oauth_token")
    })?;
    let detail = "A parameter of the request is one of the secrets. They are never sent: everyone who saw this request \
                  has it, so replace it.";
    Some(Cause::note("secret_sent", detail).found(&sent.name))
}
