//! Every vector of `vectors/oauth1.json`, from RFC 5849, the documentation and tests of other implementations, and
//! edge cases of our own. What is not checked would be noticed by the counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Negative, Vector, Vectors};
use shared::error::{Code, Refusal};
use shared::oauth1::base_url::BaseUrl;
use shared::oauth1::percent::{self, Plus};
use shared::oauth1::{
    Authorization, BodyHash, BodyHashAlgorithm, Credentials, Key, Message, Request, SignBody, SignatureMethod, Signer,
    ToSign, base_string, decode_signature, normalise,
};

#[test]
fn every_request_has_its_base_string_and_signature() {
    let (mut verified, mut plaintext) = (0, 0);
    for vector in Vectors::load().requests.into_iter().map(Vector::signed) {
        let name = &vector.name;
        let message = vector.message();
        if vector.signature_method == "PLAINTEXT" {
            assert_eq!(Request::parse(&message).unwrap_err().code, Code::SignatureMethodRejected, "{name}");
            plaintext += 1;
            continue;
        }
        let request = Request::parse(&message).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let text = base_string(&request, &vector.base());
        assert_eq!(Some(&text), vector.base_string.as_ref(), "{name}");
        let (consumer, token) = vector.secrets();
        let key = Key::new(request.signature_method, &consumer, &token);
        assert_eq!(key.sign(text.as_bytes()), vector.signature, "{name}");
        assert!(key.verify(text.as_bytes(), &decode_signature(&request.signature())), "{name}");
        assert_eq!(request.signature_method.name(), vector.signature_method, "{name}");
        assert_eq!(decoded(&request), sorted(&vector.params), "{name}");
        assert_eq!(request.token().as_deref(), vector.param("oauth_token").filter(|token| !token.is_empty()), "{name}");
        BodyHash::Required.check(request.body_hash().as_ref(), request.form, vector.body()).unwrap();
        vector.answer().unwrap();
        verified += 1;
    }
    assert_eq!((verified, plaintext), (71, 2));
}

fn decoded(request: &Request<'_>) -> Vec<(String, String)> {
    let text = |encoded: &str| percent::decode(encoded.as_bytes(), Plus::IsPlus).unwrap();
    let mut pairs: Vec<_> = request.parameters().into_iter().map(|(name, value)| (text(name), text(value))).collect();
    pairs.sort();
    pairs
}

fn sorted(pairs: &[(String, String)]) -> Vec<(String, String)> {
    let mut pairs = pairs.to_vec();
    pairs.sort();
    pairs
}

#[test]
fn what_our_signer_can_say_it_signs_as_the_others_do() {
    let (mut signed, mut other) = (0, 0);
    for vector in Vectors::load().requests {
        let Some(body) = sign_body(&vector) else {
            other += 1;
            continue;
        };
        let token = vector.param("oauth_token").map(|token| Credentials::new(token, vector.token_secret.clone()));
        let consumer = Credentials::new(vector.param("oauth_consumer_key").unwrap(), vector.consumer_secret.clone());
        let method = SignatureMethod::from_name(&vector.signature_method).unwrap();
        let header = Signer { consumer, token, method }
            .authorization(&ToSign {
                method: &vector.method,
                url: &vector.url,
                body,
                nonce: vector.param("oauth_nonce").unwrap(),
                timestamp: vector.param("oauth_timestamp").unwrap().parse().unwrap(),
            })
            .unwrap();
        let message = Message { authorization: Authorization::One(header.as_bytes()), ..vector.message() };
        assert_eq!(*Request::parse(&message).unwrap().signature(), vector.signature, "{}", vector.name);
        vector.answer_to(&message, &vector.base()).unwrap();
        signed += 1;
    }
    assert_eq!((signed, other), (58, 15));
}

/// The body to sign; `None` for what our signer does not say: parameters outside the header, no version, callbacks
/// and verifiers, PLAINTEXT, a body hash of another kind than the method's.
fn sign_body(vector: &Vector) -> Option<SignBody<'_>> {
    let method = SignatureMethod::from_name(&vector.signature_method)?;
    let unsaid = ["oauth_callback", "oauth_verifier"].iter().any(|name| vector.param(name).is_some());
    if vector.oauth_location != "header" || unsaid || vector.param("oauth_version").is_none() {
        return None;
    }
    match (vector.param("oauth_body_hash"), &vector.body) {
        (Some(hash), _) if hash != BodyHashAlgorithm::of(method).hash(vector.body()) => None,
        (Some(_), _) => Some(SignBody::Other(vector.body())),
        (None, Some(form)) => Some(SignBody::Form(form.as_bytes())),
        (None, None) => Some(SignBody::None),
    }
}

#[test]
fn percent_encoding() {
    let rows = Vectors::load().percent_encoding;
    for row in &rows {
        assert_eq!(percent::encode(row.input.as_bytes()), row.encoded);
        assert_eq!(percent::decode(row.encoded.as_bytes(), Plus::IsPlus).unwrap(), row.input);
    }
    assert_eq!(rows.len(), 22);
}

#[test]
fn normalisation() {
    let rows = Vectors::load().normalization;
    let header = "OAuth oauth_consumer_key=\"k\",oauth_signature_method=\"HMAC-SHA1\",oauth_signature=\"s\",\
                  oauth_timestamp=\"1\",oauth_nonce=\"n\"";
    for row in &rows {
        let request = Request::parse(&Message {
            method: "GET",
            path: "/",
            query: Some(&row.query),
            authorization: Authorization::One(header.as_bytes()),
            content_type: None,
            form: b"",
        });
        let request = request.unwrap();
        let mut parameters = request.parameters();
        parameters.retain(|(name, _)| !name.starts_with("oauth_"));
        assert_eq!(normalise(&parameters), row.normalized);
    }
    assert_eq!(rows.len(), 7);
}

#[test]
fn plain_hmac() {
    let rows = Vectors::load().hmac;
    for row in &rows {
        let key = Key::new(row.signature_method, &row.consumer_secret, &row.token_secret);
        assert_eq!(key.sign(row.base_string.as_bytes()), row.signature);
    }
    assert_eq!(rows.len(), 9);
}

#[test]
fn every_mutation_is_refused_with_its_status() {
    let vectors = Vectors::load();
    for negative in &vectors.negative {
        let wanted: Vec<u16> = statuses(&negative.expect);
        for answer in mutations(negative, &vectors.request(&negative.based_on)) {
            let status = answer.as_ref().map_or_else(|refusal| refusal.code.status(), |()| 200);
            assert!(wanted.contains(&status), "{}: {answer:?}", negative.name);
        }
    }
    assert_eq!(vectors.negative.len(), 14);
}

/// `400`, `"400 or 401"`, `"200 (header ignored)"`.
fn statuses(expect: &serde_json::Value) -> Vec<u16> {
    expect.to_string().split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// The answers to the request once it is changed as the negative says.
fn mutations(negative: &Negative, good: &Vector) -> Vec<Result<(), Refusal>> {
    good.answer().unwrap();
    let header = good.authorization.clone().unwrap();
    let with_header = |header: String| vec![Vector { authorization: Some(header), ..good.clone() }.answer()];
    let with_url = |url: String| vec![Vector { url, ..good.clone() }.answer()];
    let signature = percent::encode(good.signature.as_bytes()).into_owned();
    let with_signature = |text: String| with_header(replaced(&header, &signature, &text));
    match negative.name.as_str() {
        "version-2" => with_header(header + ", oauth_version=\"2.0\""),
        "two-authorization-headers" => {
            vec![good.answer_to(&Message { authorization: Authorization::Several, ..good.message() }, &good.base())]
        }
        "invalid-utf8-query" => ["%FF", "%FE"].map(|byte| undecodable(good, byte)).into(),
        "unknown-method" => with_header(replaced(&header, "HMAC-SHA1", "HMAC-MD5")),
        "lowercase-method" => with_header(replaced(&header, "HMAC-SHA1", "hmac-sha1")),
        // The base URL comes from configuration: another virtual host is another base URL, and what a header says
        // of the scheme never reaches these functions.
        "host-mismatch" => vec![good.answer_to(&good.message(), &BaseUrl::parse("http://other.example.com").unwrap())],
        "scheme-forged" => vec![good.answer()],
        "signature-no-padding" => with_signature(replaced(&signature, "%3D", "")),
        "signature-truncated" => with_signature(percent::encode(&good.signature.as_bytes()[..16]).into_owned()),
        "signature-url-safe" => {
            with_signature(replaced(&good.signature, "/", "_").replace('+', "-").replace('=', "%3D"))
        }
        "signature-empty" => with_signature(String::new()),
        "oauth-param-in-two-places" => {
            with_url(format!("{}&oauth_nonce={}", good.url, good.param("oauth_nonce").unwrap()))
        }
        "duplicate-nonce-in-header" => with_header(header + ", oauth_nonce=\"other\""),
        "bad-percent-escape" => {
            ["%zz", "%", "%2"].into_iter().flat_map(|bad| with_url(replaced(&good.url, "1%202", bad))).collect()
        }
        other => panic!("{other}: not known here"),
    }
}

/// Signed for U+FFFD, sent as a byte that a lossy decoder turns into U+FFFD.
fn undecodable(good: &Vector, byte: &str) -> Result<(), Refusal> {
    let mut vector = good.clone();
    vector.url = replaced(&good.url, "1+2", "%EF%BF%BD");
    let (consumer, token) = vector.secrets();
    let text = base_string(&Request::parse(&vector.message()).unwrap(), &vector.base());
    let signature = Key::new(SignatureMethod::HmacSha1, &consumer, &token).sign(text.as_bytes());
    let encode = |signature: &str| percent::encode(signature.as_bytes()).into_owned();
    let header = vector.authorization.take().unwrap();
    vector.authorization = Some(replaced(&header, &encode(&good.signature), &encode(&signature)));
    vector.answer().unwrap();
    Vector { url: replaced(&good.url, "1+2", byte), ..vector }.answer()
}

/// Replaces what must be there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in {text}");
    text.replace(from, to)
}
