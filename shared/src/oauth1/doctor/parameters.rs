//! Which parameters are signed (RFC 5849 section 3.4.1.3.1), and which ones clients leave out or put in.

use super::case::{self, Case};
use super::signed::{Parameter, Signed};
use super::variant::{Part, Row, Variant};
use crate::oauth1::{BodyHashAlgorithm, Location, SignatureMethod, limits};

/// More single parameters than this are not tried.
const SINGLES: usize = 40;

pub(super) fn variants(case: &Case<'_>) -> Vec<Variant> {
    let mut variants: Vec<Variant> = form_left_out(case).into_iter().collect();
    variants.extend(Variant::rows(Part::Parameters, ROWS));
    variants.extend(realm(case));
    variants.extend(SignatureMethod::ALL.into_iter().map(other_method_name));
    variants.extend(body_hash_not_sent(case));
    variants.extend(body_signed(case));
    variants.extend(case.parameters.iter().take(SINGLES).map(left_out));
    variants
}

const ROWS: &[Row] = &[
    (
        "query_left_out",
        "The client does not sign the parameters of the query: they belong into the base string (RFC 5849 section \
         3.4.1.3.1).",
        |signed| signed.parameters.retain(|p| p.location != Location::Query || p.is_protocol()),
    ),
    (
        "empty_token_left_out",
        "The client sends oauth_token=\"\" and does not sign it: what is sent is signed, empty or not.",
        |signed| signed.parameters.retain(|p| p.name != "oauth_token" || !p.value.is_empty()),
    ),
    ("empty_token_added", "The client signs an empty oauth_token and does not send it.", |signed| {
        add_if_absent(signed, "oauth_token", "")
    }),
    ("version_added", "The client signs oauth_version=1.0 and does not send it.", |signed| {
        add_if_absent(signed, "oauth_version", "1.0")
    }),
    (
        "empty_values_left_out",
        "The client does not sign parameters with an empty value: they belong into the base string.",
        |signed| signed.parameters.retain(|p| !p.value.is_empty()),
    ),
    (
        "duplicates_left_out",
        "The client signs the first of several parameters of the same name: all of them are signed.",
        |signed| keep_first_of_each_name(&mut signed.parameters),
    ),
    (
        "duplicates_left_out",
        "The client signs the last of several parameters of the same name: all of them are signed.",
        |signed| {
            signed.parameters.reverse();
            keep_first_of_each_name(&mut signed.parameters);
            signed.parameters.reverse();
        },
    ),
    (
        "protocol_parameters_left_out",
        "The client signs the parameters of the request without OAuth's own: they are signed too, all but \
         oauth_signature.",
        |signed| signed.parameters.retain(|p| !p.is_protocol()),
    ),
];

fn add_if_absent(signed: &mut Signed, name: &str, value: &str) {
    if !signed.parameters.iter().any(|p| p.name == name) {
        signed.parameters.push(Parameter::made_up(name, value));
    }
}

fn keep_first_of_each_name(parameters: &mut Vec<Parameter>) {
    let mut seen = std::collections::HashSet::new();
    parameters.retain(|p| seen.insert(p.name.clone()));
}

fn guess(code: &'static str, words: impl Into<String>, edit: impl Fn(&mut Signed) + 'static) -> Variant {
    Variant::new(Part::Parameters, code, words, edit)
}

fn form_left_out(case: &Case<'_>) -> Option<Variant> {
    if !case.is_form() {
        return None;
    }
    let json = matches!(case.capture.body.trim_ascii_start().first(), Some(b'{' | b'['));
    let (code, words) = match json {
        true => (
            "json_labelled_as_form",
            "The body looks like JSON, and its Content-Type says it is a form, whose parameters are signed: send \
             Content-Type: application/json and oauth_body_hash.",
        ),
        false => (
            "form_left_out",
            "The client does not sign the parameters of the form: they belong into the base string (RFC 5849 section \
             3.4.1.3.1).",
        ),
    };
    Some(guess(code, words, |signed| signed.parameters.retain(|p| p.location != Location::Body || p.is_protocol())))
}

fn realm(case: &Case<'_>) -> Option<Variant> {
    let realm = case.realm.clone()?;
    Some(guess(
        "realm_signed",
        "The client signs the realm of the Authorization header: it is the one parameter that is not signed (RFC 5849 \
         section 3.4.1.3.1).",
        move |signed| signed.parameters.push(Parameter::made_up("realm", &realm)),
    ))
}

fn other_method_name(method: SignatureMethod) -> Variant {
    let words = format!("The client signs oauth_signature_method={method} and sends another one.");
    guess("signature_method_signed_differs", words, move |signed| {
        for parameter in signed.parameters.iter_mut().filter(|p| p.name == "oauth_signature_method") {
            parameter.value = method.name().into();
        }
    })
}

fn body_hash_not_sent(case: &Case<'_>) -> Vec<Variant> {
    let all = [BodyHashAlgorithm::Sha1, BodyHashAlgorithm::Sha256, BodyHashAlgorithm::Sha512];
    let hash = |algorithm: BodyHashAlgorithm| {
        let hash = algorithm.hash(&case.capture.body);
        let words = "The client signs oauth_body_hash and does not send it.";
        guess("body_hash_not_sent", words, move |signed| add_if_absent(signed, "oauth_body_hash", &hash))
    };
    all.into_iter().map(hash).collect()
}

/// A body that is no form, signed as if it were.
fn body_signed(case: &Case<'_>) -> Vec<Variant> {
    let body = case.capture.body.as_slice();
    if case.is_form() || body.is_empty() || body.len() > limits::FORM_BYTES {
        return Vec::new();
    }
    let form: Vec<Parameter> = case::form(body, Location::Body).collect();
    let form = guess(
        "body_signed_as_form",
        "The client signs the body as parameters, and its Content-Type does not say application/x-www-form-urlencoded.",
        move |signed| signed.parameters.extend(form.iter().cloned()),
    );
    let json = json_members(body).map(|members| {
        guess(
            "json_signed_as_parameters",
            "The client signs the members of the JSON body as parameters: JSON is covered by oauth_body_hash.",
            move |signed| signed.parameters.extend(members.iter().cloned()),
        )
    });
    [form].into_iter().chain(json).collect()
}

fn json_members(body: &[u8]) -> Option<Vec<Parameter>> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), Into::into);
    Some(members.iter().map(|(name, value)| Parameter::made_up(name, &text(value))).collect())
}

/// One parameter that the client sends and does not sign.
fn left_out(parameter: &Parameter) -> Variant {
    let code = match parameter.name.as_str() {
        "oauth_version" => "version_left_out",
        "oauth_body_hash" => "body_hash_left_out",
        "oauth_token" => "token_left_out",
        _ => "parameter_left_out",
    };
    let words = format!("The client sends {} and does not sign it: it belongs into the base string.", parameter.name);
    let gone = parameter.clone();
    guess(code, words, move |signed| {
        if let Some(index) = signed.parameters.iter().position(|p| *p == gone) {
            signed.parameters.remove(index);
        }
    })
}
