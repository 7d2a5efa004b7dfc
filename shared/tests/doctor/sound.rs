//! Sound requests, and no requests at all.

use super::client::Client;
use super::common::{Vector, Vectors};
use super::{codes, diagnose};
use proptest::prelude::*;
use shared::oauth1::doctor::{Diagnosis, NotExplained, explain};
use shared::secret::Secret;

#[test]
fn a_sound_client_is_sound() {
    for client in [Client::get(), Client::json(), Client::form(), Client::two_legged()] {
        let base_string = (client.hashed.is_none()).then(|| client.base_string());
        let (_, diagnosis) = diagnose(client);
        assert_eq!((diagnosis.verdict.as_str(), codes(&diagnosis)), ("ok", vec![]));
        assert!(base_string.is_none_or(|text| text == diagnosis.base_string));
        assert_eq!(diagnosis.sent_signature.as_ref(), Some(&diagnosis.signature));
    }
}

#[test]
fn every_vector_is_ok() {
    let (mut ok, mut refused) = (0, 0);
    for vector in Vectors::load().requests.into_iter().map(Vector::signed) {
        let diagnosis = explain_vector(&vector);
        if vector.signature_method == "PLAINTEXT" {
            assert_eq!((diagnosis.verdict.as_str(), diagnosis.signature.as_str()), ("signature_method_rejected", ""));
            assert_eq!(diagnosis.sent_signature, None);
            refused += 1;
            continue;
        }
        assert_eq!(diagnosis.verdict, "ok", "{}: {:?}", vector.name, diagnosis.causes);
        assert!(diagnosis.causes.iter().all(|cause| cause.note), "{}", vector.name);
        assert_eq!(Some(diagnosis.base_string), vector.base_string, "{}", vector.name);
        assert_eq!(diagnosis.signature, vector.signature, "{}", vector.name);
        ok += 1;
    }
    assert_eq!((ok, refused), (71, 2));
}

fn explain_vector(vector: &Vector) -> Diagnosis {
    let parts = vector.parts();
    let target = [parts.path, parts.query.map(|query| format!("?{query}")).unwrap_or_default().as_str()].concat();
    // An absolute URL without a path is sent with one.
    let target = if target.starts_with('/') { target } else { format!("/{target}") };
    let mut lines = vec![format!("{} {target} HTTP/1.1", vector.method), format!("Host: {}", parts.authority)];
    lines.extend(vector.authorization.as_ref().map(|value| format!("Authorization: {value}")));
    lines.extend(vector.content_type.as_ref().map(|value| format!("Content-Type: {value}")));
    lines.push(String::new());
    lines.push(vector.body.clone().unwrap_or_default());
    let (consumer, token) = vector.secrets();
    explain(lines.join("\r\n").as_bytes(), &vector.origin(), &consumer, &token, None).unwrap()
}

#[test]
fn what_cannot_be_explained_is_said() {
    let explain = |request: &str, base: &str| {
        explain(request.as_bytes(), base, &Secret::new("s"), &Secret::default(), None).unwrap_err()
    };
    assert!(matches!(explain("GET / HTTP/1.1", "api.example.com"), NotExplained::BaseUrl(_)));
    assert!(matches!(explain("nonsense", "http://a"), NotExplained::Request(_)));
}

#[test]
fn the_json_has_exactly_the_fields_that_are_promised() {
    let (_, diagnosis) = diagnose(Client::get());
    let json = serde_json::to_value(&diagnosis).unwrap();
    let mut names: Vec<&String> = json.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["base_string", "causes", "signature", "verdict"]);
}

#[test]
fn a_secret_in_the_request_is_named_and_not_repeated() {
    let mut client = Client::get();
    client.set("oauth_token_secret", super::client::TOKEN_SECRET);
    let (_, diagnosis) = diagnose(client);
    assert_eq!((diagnosis.verdict.as_str(), codes(&diagnosis)), ("ok", vec!["secret_sent"]));
    assert!(diagnosis.base_string.contains("oauth_token_secret%3D[secret]"));
}

#[test]
fn parameters_in_the_query_are_noted() {
    let vector = Vectors::load().request("core10-photos-oauth-in-query").signed();
    assert_eq!(codes(&explain_vector(&vector)), ["oauth_in_query"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(head in "(GET|POST) [ -~]{0,20}( HTTP/1.1)?", rest in proptest::collection::vec(any::<u8>(), 0..80)) {
        let raw = [head.as_bytes(), b"\n", rest.as_slice()].concat();
        _ = explain(&raw, "http://a", &Secret::new("s"), &Secret::new(""), Some(1));
        _ = explain(&rest, "http://a", &Secret::new("s"), &Secret::new(""), None);
    }

    #[test]
    fn no_header_makes_it_panic(header in "(oauth_[a-z_]{0,9}=\"?[ -~]{0,9}\"?,? ?){0,6}", body in "[ -~\u{e9}\n]{0,40}") {
        for kind in ["application/json", "application/x-www-form-urlencoded"] {
            let raw = format!("POST /a?b=c HTTP/1.1\nContent-Type: {kind}\nAuthorization: OAuth {header}\n\n{body}");
            _ = explain(raw.as_bytes(), "http://a/b", &Secret::new("s"), &Secret::new("t"), Some(1)).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sound requests with a few bytes altered go through the whole search.
    #[test]
    fn no_damage_makes_it_panic(damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4)) {
        for client in [Client::json(), Client::form()] {
            let mut raw = client.request().into_bytes();
            for (at, byte) in &damage {
                let at = at.index(raw.len());
                raw[at] = *byte;
            }
            _ = explain(&raw, "http://api.example.com:8000", &Secret::new("s"), &Secret::new("t"), Some(1_700_000_000));
        }
    }
}
