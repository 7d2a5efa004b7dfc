//! What went wrong in other servers, tried here: each known failure is a request that must be refused (or, where
//! the failure was a refusal, accepted). The numbers of the advisories are in the comments.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{Answer, Consumer, House, Raw, nonce, now};
use data_service::Clock;
use serde_json::json;
use shared::oauth1::percent::encode;
use shared::oauth1::{
    Authorization, BaseUrl, Key, Location, Message, Request, SignBody, SignatureMethod, base_string, is_form,
};
use shared::secret::Secret;
use shared::timestamp::Timestamp;

/// A request signed by hand, so that every part of it can be wrong.
struct ByHand<'a> {
    consumer: &'a Consumer,
    raw: Raw,
    parameters: Vec<(String, String)>,
    method: SignatureMethod,
}

impl<'a> ByHand<'a> {
    fn new(consumer: &'a Consumer, raw: Raw) -> Self {
        let mut parameters = vec![
            ("oauth_consumer_key".to_owned(), consumer.signer.consumer.key.clone()),
            ("oauth_signature_method".to_owned(), "HMAC-SHA1".to_owned()),
            ("oauth_timestamp".to_owned(), now().to_string()),
            ("oauth_nonce".to_owned(), nonce()),
        ];
        if let Some(token) = &consumer.signer.token {
            parameters.push(("oauth_token".to_owned(), token.key.clone()));
        }
        Self { consumer, raw, parameters, method: SignatureMethod::HmacSha1 }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.into(), value.into()));
        self
    }

    fn header(&self, extra: &[(&str, &str)]) -> String {
        let pairs = self.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(extra.iter().copied());
        let list: Vec<String> = pairs.map(|(n, v)| format!("{n}=\"{}\"", encode(v.as_bytes()))).collect();
        format!("OAuth {}", list.join(", "))
    }

    fn signature(&self) -> String {
        let header = self.header(&[("oauth_signature", "x")]);
        let content_type = self.raw.headers.iter().find(|(n, _)| n == "Content-Type").map(|(_, v)| v.as_str());
        let (path, query) = match self.raw.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.raw.target.as_str(), None),
        };
        let message = Message {
            method: &self.raw.method,
            path,
            query,
            authorization: Authorization::One(header.as_bytes()),
            content_type,
            form: if is_form(content_type) { &self.raw.body } else { b"" },
        };
        let base = base_string(&Request::parse(&message).unwrap(), &BaseUrl::parse(&self.consumer.url).unwrap());
        let token = self.consumer.signer.token.as_ref().map_or_else(Secret::default, |t| t.secret.clone());
        Key::new(self.method, &self.consumer.signer.consumer.secret, &token).sign(base.as_bytes())
    }

    fn signed_as(&self, signature: &str) -> Raw {
        self.raw.clone().header("Authorization", &self.header(&[("oauth_signature", signature)]))
    }

    fn signed(&self) -> Raw {
        self.signed_as(&self.signature())
    }

    fn send(&self) -> Answer {
        self.signed().send(&self.consumer.url)
    }
}

fn blog() -> (House, Consumer) {
    let house = House::start();
    let blog = house.consumer("blog", &["users.me.#"]);
    (house, blog)
}

#[test]
fn a_second_sending_is_refused_and_so_is_another_request_with_the_same_nonce() {
    // CVE-2013-4346: the nonce was never checked.
    let (house, blog) = blog();
    let request = blog.signed_at("GET", "/echo", SignBody::None, now(), "same");
    house.send(&request).expect(200);
    house.send(&request).expect(401).refused("nonce_used");
    let other = blog.signed_at("GET", "/echo/other", SignBody::None, now(), "same");
    let same_second = request.headers[0].1.split("oauth_timestamp=\"").nth(1)
        == other.headers[0].1.split("oauth_timestamp=\"").nth(1);
    if same_second {
        house.send(&other).refused("nonce_used");
    }
    let at = now();
    house.send(&blog.signed_at("GET", "/echo/a", SignBody::None, at, "twice")).expect(200);
    house.send(&blog.signed_at("GET", "/echo/b", SignBody::None, at, "twice")).refused("nonce_used");
}

#[test]
fn a_nonce_spelled_otherwise_is_the_same_nonce() {
    let (house, blog) = blog();
    let first = ByHand::new(&blog, Raw::new("GET", "/echo")).with("oauth_nonce", "abc");
    let signed = first.signed();
    house.send(&signed).expect(200);
    let mut again = signed.clone();
    *again.authorization() = again.authorization().replace("oauth_nonce=\"abc\"", "oauth%5Fnonce=\"%61b%63\"");
    house.send(&again).refused("nonce_used");
}

#[test]
fn of_24_copies_at_once_exactly_one_is_accepted() {
    let (house, blog) = blog();
    for _ in 0..10 {
        let request = blog.signed("GET", "/echo");
        let copies: Vec<_> = (0..24)
            .map(|_| {
                let (request, url) = (request.clone(), house.url.clone());
                std::thread::spawn(move || request.send(&url))
            })
            .collect();
        let answers: Vec<Answer> = copies.into_iter().map(|copy| copy.join().unwrap()).collect();
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
        assert_eq!(answers.iter().filter(|a| a.code() == "nonce_used").count(), 23);
    }
}

#[test]
fn a_bad_signature_does_not_spend_the_nonce() {
    let (house, blog) = blog();
    let request = ByHand::new(&blog, Raw::new("GET", "/echo"));
    house.send(&request.signed_as(&STANDARD.encode([0; 20]))).refused("signature_invalid");
    house.send(&request.signed()).expect(200);
}

#[test]
fn a_wrong_body_does_not_spend_the_nonce() {
    let (house, blog) = blog();
    let good = blog.signed_json("POST", "/echo", &json!({"a": 1}));
    let mut bad = good.clone();
    bad.body = b"{\"a\":2}".to_vec();
    house.send(&bad).expect(401).refused("body_hash_mismatch");
    house.send(&good).expect(200);
}

#[test]
fn a_signature_must_be_the_one_and_only_base64_of_it() {
    // ruby-oauth: a lenient decoder takes a last character whose unused bits differ.
    let (house, blog) = blog();
    let request = ByHand::new(&blog, Raw::new("GET", "/echo"));
    let signature = request.signature();
    assert_eq!(signature.len(), 28, "20 bytes leave two unused bits before the padding");
    let last = signature.as_bytes()[26];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let index = alphabet.iter().position(|&b| b == last).unwrap();
    for bits in 1..4 {
        let mut other = signature.clone().into_bytes();
        other[26] = alphabet[index ^ bits];
        house.send(&request.signed_as(std::str::from_utf8(&other).unwrap())).refused("signature_invalid");
    }
    for other in [
        signature.trim_end_matches('=').to_owned(),
        signature[..16].to_owned(),
        format!("{signature}="),
        format!("{signature} "),
        signature.to_lowercase(),
        signature.replace('/', "_").replace('+', "-") + "-",
    ] {
        house.send(&request.signed_as(&other)).refused("signature_invalid");
    }
    house.send(&request.signed_as("")).expect(400).refused("parameter_rejected");
    house.send(&request.signed()).expect(200);
}

#[test]
fn the_sender_does_not_choose_a_weaker_proof() {
    // CVE-2026-72889 and others: the method named by the request was the one used.
    let (house, blog) = blog();
    for method in ["PLAINTEXT", "RSA-SHA1", "hmac-sha1", "HMAC-MD5", "NONE", "HMAC-SHA1 "] {
        let request = ByHand::new(&blog, Raw::new("GET", "/echo"));
        let plain = format!("{}&", blog.signer.consumer.secret.expose());
        let raw = request.with("oauth_signature_method", method).signed_as(&plain);
        house.send(&raw).expect(400).refused("signature_method_rejected");
    }
    let mut swapped = ByHand::new(&blog, Raw::new("GET", "/echo"));
    swapped = swapped.with("oauth_signature_method", "HMAC-SHA256");
    house.send(&swapped.signed()).refused("signature_invalid");
    let only256 = house.consumer_with("modern", |c| c.signature_methods = Some(vec![SignatureMethod::HmacSha256]));
    ByHand::new(&only256, Raw::new("GET", "/echo")).send().expect(400).refused("signature_method_rejected");
}

#[test]
fn empty_and_guessed_secrets_prove_nothing() {
    // CVE-2026-114616: an empty key verified.
    let (house, blog) = blog();
    for secret in ["", "&", "secret"] {
        let mut impostor = blog.clone();
        impostor.signer.consumer.secret = Secret::new(secret);
        ByHand::new(&impostor, Raw::new("GET", "/echo")).send().expect(401).refused("signature_invalid");
    }
    let stranger = Consumer::new(&house.url, shared::oauth1::Credentials::new("stranger", "secret"));
    stranger.get("/echo").expect(401).refused("signature_invalid");
}

#[test]
fn a_token_serves_only_the_consumer_it_was_made_for() {
    // CVE-2015-8009: the token of another consumer was usable.
    let (house, blog) = blog();
    let shop = house.consumer("shop", &["users.me.#"]);
    let as_ada = house.acting(&shop, &house.user("ada", "correct horse"));
    as_ada.get("/users/me").expect(200);
    let token = as_ada.signer.token.clone().unwrap();
    let crossed = blog.with_token(&token.key, token.secret.expose());
    crossed.get("/users/me").expect(401).refused("signature_invalid");
}

#[test]
fn a_token_cannot_be_left_out_or_emptied_after_signing() {
    let (house, blog) = blog();
    let as_ada = house.acting(&blog, &house.user("ada", "correct horse"));
    let signed = ByHand::new(&as_ada, Raw::new("GET", "/echo")).signed();
    let token = as_ada.signer.token.as_ref().unwrap().key.clone();
    for other in ["", "oauth_token=\"\", "] {
        let mut raw = signed.clone();
        *raw.authorization() = raw.authorization().replace(&format!("oauth_token=\"{token}\", "), other);
        house.send(&raw).refused("signature_invalid");
    }
    let empty = ByHand::new(&blog, Raw::new("GET", "/echo")).with("oauth_token", "");
    assert!(empty.send().expect(200).json["token"].is_null(), "an empty token is no token");
}

#[test]
fn a_query_parameter_called_realm_is_signed() {
    // oauthlib: with a realm in the header, any parameter of that name went unsigned.
    let (house, blog) = blog();
    let signed = ByHand::new(&blog, Raw::new("GET", "/echo?realm=photos")).signed();
    let mut tampered = signed.clone();
    tampered.target = "/echo?realm=evil".into();
    *tampered.authorization() = tampered.authorization().replace("OAuth ", "OAuth realm=\"photos\", ");
    house.send(&tampered).refused("signature_invalid");
    let mut with_realm = signed;
    *with_realm.authorization() = with_realm.authorization().replace("OAuth ", "OAuth realm=\"a, b\", ");
    house.send(&with_realm).expect(200);
}

#[test]
fn protocol_parameters_stand_once_and_in_one_place() {
    // oauthlib: of two in the header the last one won.
    let (house, blog) = blog();
    let signed = ByHand::new(&blog, Raw::new("GET", "/echo")).signed();
    let mut twice = signed.clone();
    twice.authorization().push_str(", oauth_nonce=\"other\"");
    house.send(&twice).expect(400).refused("parameter_duplicate");
    let mut in_query = signed.clone();
    in_query.target = "/echo?oauth_nonce=other".into();
    house.send(&in_query).expect(400).refused("parameter_duplicate");
    let mut elsewhere = signed.clone();
    elsewhere.target = "/echo?oauth_callback=x".into();
    house.send(&elsewhere).expect(400).refused("parameter_rejected");
    let in_body = signed.clone().body("application/x-www-form-urlencoded", b"oauth_verifier=x");
    house.send(&Raw { method: "POST".into(), ..in_body }).expect(400).refused("parameter_rejected");
    let second = signed.clone().header("Authorization", "OAuth realm=\"x\"");
    house.send(&second).expect(400).refused("parameter_rejected");
    let foreign = {
        let mut raw = signed;
        raw.authorization().push_str(", colour=\"red\"");
        raw
    };
    house.send(&foreign).expect(400).refused("parameter_rejected");
}

#[test]
fn query_and_body_are_places_only_for_those_who_may() {
    let house = House::start();
    let old =
        house.consumer_with("old", |c| c.locations = Some(vec![Location::Header, Location::Query, Location::Body]));
    let new = house.consumer("new", &[]);
    for (consumer, wanted) in [(&old, "ok"), (&new, "parameter_rejected")] {
        let (query, signature) = in_query(consumer, "/echo", "a=1");
        let target = format!("/echo?{query}&oauth_signature={}", encode(signature.as_bytes()));
        house.send(&Raw::new("GET", &target)).refused(wanted);
        let (form, signature) = in_query(consumer, "", "a=1");
        let body = format!("{form}&oauth_signature={}", encode(signature.as_bytes()));
        let raw = Raw::new("POST", "/echo").body("application/x-www-form-urlencoded", body.as_bytes());
        house.send(&raw).refused(wanted);
    }
}

/// Protocol parameters in the query (path given) or in a form (path empty), and their signature.
fn in_query(consumer: &Consumer, path: &str, rest: &str) -> (String, String) {
    let query = format!(
        "{rest}&oauth_consumer_key={}&oauth_signature_method=HMAC-SHA1&oauth_timestamp={}&oauth_nonce=p%2525{}",
        consumer.signer.consumer.key,
        now(),
        nonce(),
    );
    let with_signature = format!("{query}&oauth_signature=x");
    let form = path.is_empty();
    let message = Message {
        method: if form { "POST" } else { "GET" },
        path: "/echo",
        query: (!form).then_some(with_signature.as_str()),
        authorization: Authorization::Absent,
        content_type: form.then_some("application/x-www-form-urlencoded"),
        form: if form { with_signature.as_bytes() } else { b"" },
    };
    let base = base_string(&Request::parse(&message).unwrap(), &BaseUrl::parse(&consumer.url).unwrap());
    let key = Key::new(SignatureMethod::HmacSha1, &consumer.signer.consumer.secret, &Secret::default());
    (query, key.sign(base.as_bytes()))
}

#[test]
fn the_body_hash_is_verified() {
    // oauthlib: oauth_body_hash was never looked at.
    let (house, blog) = blog();
    let mut raw = blog.signed_json("POST", "/echo", &json!({"amount": 1}));
    raw.body = b"{\"amount\":9}".to_vec();
    house.send(&raw).expect(401).refused("body_hash_mismatch");
    house.send(&blog.signed("POST", "/echo").body("text/plain", b"hello")).refused("body_hash_required");
    house
        .send(&blog.signed("POST", "/echo").body("multipart/form-data; boundary=x", b"--x--"))
        .refused("body_hash_required");
    let nonsense =
        ByHand::new(&blog, Raw::new("POST", "/echo").body("text/plain", b"x")).with("oauth_body_hash", "AAAA");
    nonsense.send().refused("body_hash_mismatch");
    let on_form = blog.signed_json("POST", "/echo", &json!({})).body("application/x-www-form-urlencoded", b"a=1");
    house.send(&on_form).expect(400).refused("parameter_rejected");
}

#[test]
fn a_body_cannot_be_relabelled() {
    let (house, blog) = blog();
    let json_as_form =
        blog.signed_json("POST", "/echo", &json!({"a": 1})).body("application/x-www-form-urlencoded", br#"{"a":1}"#);
    house.send(&json_as_form).refused("parameter_rejected");
    let form_as_text = blog.signed_form("POST", "/echo", "a=1").body("text/plain", b"a=1");
    house.send(&form_as_text).refused("signature_invalid");
}

#[test]
fn bytes_that_are_no_utf8_are_refused_not_replaced() {
    // oauthlib and Rust's form_urlencoded: %FF counted as U+FFFD, so bytes could change under a valid signature.
    let (house, blog) = blog();
    let signed = blog.signed("GET", "/echo?x=%EF%BF%BD");
    house.send(&signed).expect(200);
    for other in ["%FF", "%FE", "%C0%80", "%ED%A0%80", "%zz", "%", "%2"] {
        let mut raw = blog.signed("GET", "/echo?x=%EF%BF%BD");
        raw.target = format!("/echo?x={other}");
        house.send(&raw).expect(400).refused("parameter_rejected");
    }
}

#[test]
fn paths_are_signed_as_sent() {
    // oauthlib: `/path;` verified as `/path`.
    let (house, blog) = blog();
    for (signed, sent) in [
        ("/echo/a;", "/echo/a"),
        ("/echo/a", "/echo/a/"),
        ("/echo/a%2fb", "/echo/a%2Fb"),
        ("/echo/%7Ea", "/echo/~a"),
        ("/echo/a//b", "/echo/a/b"),
        ("/echo/a/./b", "/echo/a/b"),
        ("/echo/A", "/echo/a"),
    ] {
        let mut raw = blog.signed("GET", signed);
        house.send(&raw).expect(200);
        raw = blog.signed("GET", signed);
        raw.target = sent.into();
        house.send(&raw).refused("signature_invalid");
    }
}

#[test]
fn a_percent_sign_in_a_nonce_is_decoded_once() {
    // oauthlib: `oauth_` values in query and body were decoded twice. See also in_query, whose nonce is `p%25…`.
    let (_house, blog) = blog();
    ByHand::new(&blog, Raw::new("GET", "/echo")).with("oauth_nonce", "a%25b").send().expect(200);
    ByHand::new(&blog, Raw::new("GET", "/echo")).with("oauth_nonce", "a%b").send().expect(200);
}

#[test]
fn the_word_realm_anywhere_else_is_only_a_word() {
    // python-oauth2: a parameter that held "realm" was dropped.
    let (_house, blog) = blog();
    for index in 0..50 {
        let nonce = format!("realm{index}xrealm=");
        let request = ByHand::new(&blog, Raw::new("GET", "/echo?xrealm=1&realmx=2")).with("oauth_nonce", &nonce);
        assert_eq!(request.send().expect(200).json["parameters"], 2);
    }
}

#[test]
fn parameters_cannot_run_together() {
    // AWS signature version 1, Flickr 2009.
    let (house, blog) = blog();
    let mut raw = blog.signed("GET", "/echo?a=b&c=d");
    raw.target = "/echo?a=b%26c%3Dd".into();
    house.send(&raw).refused("signature_invalid");
    let mut raw = blog.signed("GET", "/echo?a=b&c=d");
    raw.target = "/echo?a=b&c=d&c=d".into();
    house.send(&raw).refused("signature_invalid");
}

#[test]
fn of_two_parameters_of_one_name_the_application_sees_none() {
    let (house, admin) = {
        let house = House::start();
        let admin = house.admin();
        (house, admin)
    };
    house.send(&admin.signed("GET", "/users?limit=1&limit=200")).expect(422).refused("invalid");
    let form = admin.signed_form("POST", "/users?username=ada", "username=eve");
    house.send(&form).refused("unsupported_media_type");
}

#[test]
fn the_base_url_comes_from_the_settings() {
    let (house, blog) = blog();
    for (name, value) in [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "host=evil.example;proto=https"),
        ("X-Forwarded-Prefix", "/api"),
    ] {
        house.send(&blog.signed("GET", "/echo").header(name, value)).expect(200);
        let mut elsewhere = blog.clone();
        elsewhere.url = "https://evil.example".into();
        house.send(&elsewhere.signed("GET", "/echo").header(name, value)).refused("signature_invalid");
    }
    let mut elsewhere = blog.clone();
    elsewhere.url = "http://evil.example".into();
    house.send(&elsewhere.signed("GET", "/echo").header("Host", "evil.example")).refused("signature_invalid");
    let proxied = House::start_with(Clock::system(), |settings| {
        settings.public_urls =
            ["https://api.example.com/v1", "https://old.example.com"].map(|u| BaseUrl::parse(u).unwrap()).into();
    });
    let mut blog = proxied.consumer("blog", &[]);
    for public in ["https://api.example.com/v1", "https://old.example.com"] {
        blog.url = public.into();
        let raw = blog.signed("GET", "/echo?x=1");
        assert_eq!(proxied.send(&raw).expect(200).json["url"], format!("{public}/echo"));
    }
    blog.url = proxied.url.clone();
    proxied.send(&blog.signed("GET", "/echo")).refused("signature_invalid");
}

#[test]
fn a_malformed_host_is_no_crash() {
    let (house, blog) = blog();
    let host = house.url.strip_prefix("http://").unwrap();
    for name in ["a b<>", "", "[::1", "x:99999999"] {
        let raw = blog.signed("GET", "/echo").header("Host", name);
        let answer = common::send_bytes(host, &raw.bytes(host));
        assert!(matches!(answer.status, 200 | 400), "{name}: {}", answer.status);
    }
    let absolute = Raw { target: "http://other.example/echo".into(), ..blog.signed("GET", "/echo") };
    house.send(&absolute).expect(400);
    house.send(&blog.signed("GET", "/echo")).expect(200);
}

#[test]
fn answers_hold_no_secret_no_signature_and_no_base_string() {
    let (house, blog) = blog();
    let as_ada = house.acting(&blog, &house.user("ada", "correct horse"));
    let request = ByHand::new(&as_ada, Raw::new("GET", "/echo"));
    let right = request.signature();
    for answer in [
        house.send(&request.signed_as(&STANDARD.encode([1; 20]))),
        request.send(),
        house.send(&request.signed()),
        as_ada.get("/users"),
        as_ada.get("/users/me/tokens"),
        house.admin().get(&format!("/consumers/{}", blog.key())),
    ] {
        let token_secret = as_ada.signer.token.as_ref().unwrap().secret.expose().to_owned();
        for secret in [right.as_str(), blog.signer.consumer.secret.expose(), &token_secret, "GET&http"] {
            assert!(
                !answer.text.contains(secret) && !format!("{:?}", answer.headers).contains(secret),
                "{}",
                answer.text
            );
        }
    }
}

#[test]
fn nothing_of_a_request_gets_into_a_header() {
    let (house, blog) = blog();
    let injected = "x\"\r\nSet-Cookie: a=b";
    let raw = ByHand::new(&blog, Raw::new("GET", "/echo")).with("oauth_nonce", injected).signed_as("x");
    let answer = house.send(&raw).expect(400);
    assert!(answer.header("set-cookie").is_none() && !answer.text.contains("Set-Cookie"));
    let raw = Raw::new("GET", "/echo").header("Authorization", "OAuth realm=\"x, evil\", oauth_nonce=\"n\"");
    let answer = house.send(&raw).refused("parameter_absent");
    assert!(!answer.header("www-authenticate").unwrap_or("").contains("evil"));
}

#[test]
fn a_stranger_learns_nothing() {
    let (house, blog) = blog();
    let as_ada = house.acting(&blog, &house.user("ada", "correct horse"));
    let wrong = |consumer: &Consumer| {
        let mut other = consumer.clone();
        other.signer.consumer.secret = Secret::new("wrong");
        other
    };
    let mut unknown = wrong(&blog);
    unknown.signer.consumer.key = "nobody".into();
    let revoked = house.consumer("gone", &[]);
    house.admin().post(&format!("/consumers/{}/revoke", revoked.key()), json!({})).expect(200);
    let mut wrong_token_secret = as_ada.clone();
    wrong_token_secret.signer.token.as_mut().unwrap().secret = Secret::new("wrong");
    // One that could be a token, and one that could not.
    let [nobody, nothing] = ["t_aaaaaaaaaaaaaaaaaaaaaaaaa", "t_nobody"].map(|token| blog.with_token(token, "x"));
    let seen: Vec<Answer> =
        [wrong(&blog), unknown, wrong(&revoked), nobody, nothing, wrong_token_secret, wrong(&as_ada)]
            .iter()
            .map(|stranger| stranger.get("/echo").expect(401))
            .collect();
    let without_id = |answer: &Answer| {
        let mut json = answer.json.clone();
        json.as_object_mut().unwrap().remove("request_id");
        let mut headers: Vec<_> = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        headers.sort();
        (json, headers)
    };
    for answer in &seen {
        assert_eq!(without_id(answer), without_id(&seen[0]));
        assert_eq!(answer.json["code"], "signature_invalid");
    }
}

#[test]
fn a_login_tells_nothing_about_who_exists() {
    let house = House::start();
    let frontend = house.consumer("frontend", &["authenticate"]);
    house.user("ada", "correct horse");
    let bob = house.user("bob", "correct horse");
    house.admin().post(&format!("/users/{}/disable", bob.id), json!({})).expect(200);
    let attempt = |name: &str, password: &str| {
        let mut json =
            frontend.post("/authenticate", json!({ "username": name, "password": password })).expect(401).json;
        json.as_object_mut().unwrap().remove("request_id");
        json
    };
    let unknown = attempt("nobody", "correct horse");
    assert_eq!(unknown["code"], "invalid_credentials");
    assert_eq!(unknown, attempt("ada", "wrong"));
    assert_eq!(unknown, attempt("bob", "correct horse"));
    assert_eq!(unknown, attempt("two words", "correct horse"));
    assert_eq!(unknown, attempt("ada", ""));
}

#[test]
fn a_clock_that_jumps_revives_nothing() {
    let start = Timestamp::from_seconds(now() as i64);
    let clock = Clock::by_hand(start);
    let mut house = House::start_with(clock.clone(), |settings| {
        settings.public_urls = vec![BaseUrl::parse("https://api.example.com").unwrap()];
    });
    let mut blog = house.consumer("blog", &[]);
    blog.url = "https://api.example.com".into();
    let old = blog.signed_at("GET", "/echo", SignBody::None, now(), "old");
    let at = |seconds: i64| clock.set(start.plus_seconds(seconds));
    house.send(&old).expect(200);
    at(400);
    let fresh = blog.signed_at("GET", "/echo", SignBody::None, now() + 400, "fresh");
    house.send(&fresh).expect(200);
    // Housekeeping forgets the old second at its own pace; whenever that is, the nonce stays used. (The table that
    // several instances share goes by the clock of the database, which does not jump here.)
    house.until("the old second is forgotten", || {
        at(0);
        let code = house.send(&old).expect(401).code().to_owned();
        at(400);
        assert!(matches!(code.as_str(), "nonce_used" | "timestamp_refused"), "{code}");
        code == "timestamp_refused" || house.ground.is_postgres()
    });
    at(0);
    house.restart();
    assert!(matches!(house.send(&old).expect(401).code(), "nonce_used" | "timestamp_refused"));
}

#[test]
fn the_window_is_five_minutes_back_and_one_ahead() {
    let start = Timestamp::from_seconds(now() as i64);
    let clock = Clock::by_hand(start);
    let house = House::start_with(clock, |_| {});
    let blog = house.consumer("blog", &[]);
    let at = |offset: i64| blog.signed_at("GET", "/echo", SignBody::None, (start.seconds() + offset) as u64, &nonce());
    for (offset, wanted) in [(-300, "ok"), (-301, "timestamp_refused"), (60, "ok"), (61, "timestamp_refused")] {
        let answer = house.send(&at(offset)).refused(wanted);
        if wanted != "ok" {
            let range = format!("{}-{}", start.seconds() - 300, start.seconds() + 60);
            assert_eq!(answer.json["acceptable_timestamps"], range);
            assert_eq!(answer.json["server_time"], start.to_string());
            assert!(answer.header("www-authenticate").unwrap().contains(&range));
        }
    }
    for timestamp in ["0", "-5", "01", "1.5", "", " 1", "9999999999999", "12e3"] {
        let raw = ByHand::new(&blog, Raw::new("GET", "/echo")).with("oauth_timestamp", timestamp).signed_as("x");
        house.send(&raw).expect(400).refused("parameter_rejected");
    }
}

/// A house whose public URL stays the same over restarts, and a consumer that signs for it.
fn behind_a_proxy() -> (House, Consumer) {
    let house = House::start_with(Clock::system(), |settings| {
        settings.public_urls = vec![BaseUrl::parse("https://api.example.com").unwrap()];
    });
    let mut blog = house.consumer("blog", &[]);
    blog.url = "https://api.example.com".into();
    (house, blog)
}

#[test]
fn a_restart_reopens_nothing() {
    let (mut house, blog) = behind_a_proxy();
    let requests: Vec<Raw> = (0..20).map(|_| blog.signed("GET", "/echo")).collect();
    for request in &requests {
        house.send(request).expect(200);
    }
    for _ in 0..2 {
        house.restart();
        for request in &requests {
            house.send(request).expect(401).refused("nonce_used");
        }
        house.send(&blog.signed("GET", "/echo")).expect(200);
    }
}

#[test]
fn a_lost_folder_of_nonces_closes_the_window() {
    let (mut house, blog) = behind_a_proxy();
    let request = blog.signed("GET", "/echo");
    house.send(&request).expect(200);
    house.stop();
    match house.ground.is_postgres() {
        // What a database that was restored from a copy looks like: the rows are gone, and the server is another one.
        true => house.sql("TRUNCATE nonces; UPDATE marks SET value = 'elsewhere' WHERE name = 'nonces_server'"),
        false => std::fs::remove_dir_all(&house.settings.replay_folder).unwrap(),
    }
    house.restart();
    house.send(&request).refused("timestamp_refused");
}

#[test]
fn limits_hold() {
    let (house, blog) = blog();
    let many: String = (0..1001).map(|index| format!("p{index}=&")).collect();
    let raw = Raw { target: format!("/echo?{many}"), ..blog.signed("GET", "/echo") };
    house.send(&raw).expect(400).refused("parameter_rejected");
    let long = Raw { target: format!("/echo?x={}", "y".repeat(17_000)), ..blog.signed("GET", "/echo") };
    house.send(&long).expect(400).refused("parameter_rejected");
    let form = blog.signed("POST", "/echo").body("application/x-www-form-urlencoded", "x".repeat(70_000).as_bytes());
    house.send(&form).expect(413).refused("body_too_large");
    let mut header = blog.signed("GET", "/echo");
    header.authorization().push_str(&format!(", oauth_callback=\"{}\"", "x".repeat(9000)));
    house.send(&header).expect(400).refused("parameter_rejected");
    for (name, length) in [("oauth_nonce", 257), ("oauth_consumer_key", 129), ("oauth_token", 129)] {
        let raw = ByHand::new(&blog, Raw::new("GET", "/echo")).with(name, &"x".repeat(length)).signed_as("x");
        house.send(&raw).expect(400).refused("parameter_rejected");
    }
    let mut crowd = blog.signed("GET", "/echo");
    for index in 0..20 {
        crowd.authorization().push_str(&format!(", oauth_x{index}=\"\""));
    }
    house.send(&crowd).expect(400).refused("parameter_rejected");
}

#[test]
fn versions_other_than_1_0_are_refused() {
    let (house, blog) = blog();
    for version in ["2.0", "1.0a", ""] {
        let raw = ByHand::new(&blog, Raw::new("GET", "/echo")).with("oauth_version", version).signed_as("x");
        house.send(&raw).expect(400).refused("version_rejected");
    }
    ByHand::new(&blog, Raw::new("GET", "/echo")).with("oauth_version", "1.0").send().expect(200);
}

#[test]
fn what_is_missing_is_named() {
    let (house, _) = blog();
    let answer = house.send(&Raw::new("GET", "/echo").header("Authorization", "OAuth oauth_nonce=\"x\"")).expect(400);
    let missing = ["oauth_consumer_key", "oauth_signature_method", "oauth_signature", "oauth_timestamp"];
    assert_eq!(answer.refused("parameter_absent").json["parameters_absent"], json!(missing));
    house.send(&Raw::new("GET", "/echo").header("Authorization", "OAuth")).refused("parameter_absent");
    house.send(&Raw::new("GET", "/echo").header("Authorization", "Bearer x")).refused("unsigned");
}

#[test]
fn a_compressed_body_is_hashed_as_it_was_sent() {
    let (house, blog) = blog();
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0, 0x43, 0xbf, 0xa6, 0xa3, 2, 0, 0, 0];
    let raw = blog.signed_at("POST", "/echo", SignBody::Other(&gzip), now(), &nonce());
    let raw = raw.body("application/json", &gzip).header("Content-Encoding", "gzip");
    assert_eq!(house.send(&raw).expect(200).json["body_bytes"], gzip.len());
}

#[test]
fn a_chunked_body_is_hashed_without_its_chunks() {
    let (house, blog) = blog();
    let raw = blog.signed_at("POST", "/echo", SignBody::Other(b"{\"a\":1}"), now(), &nonce());
    let raw =
        raw.header("Transfer-Encoding", "chunked").body("application/json", b"3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n");
    assert_eq!(house.send(&raw).expect(200).json["body_bytes"], 7);
}

/// PostgreSQL knows no NUL: that is the request's fault and not the store's, and no row is hurt by it.
#[test]
fn a_nul_in_a_text_is_no_fault_of_the_store() {
    let house = House::start();
    let admin = house.admin();
    let ada = house.user("ada", "correct horse");
    for path in [
        "/users?search=%00",
        "/users?search=a%00",
        "/consumers?after=%00",
        "/consumers/%00",
        "/users/me/tokens?after=1.%00",
    ] {
        let status = admin.get(path).status;
        assert!((200..500).contains(&status), "{path}: {status}");
    }
    let path = format!("/users/{}/profile", ada.id);
    let document = json!({ "a\u{0}": "b\u{0}" });
    admin.send("PUT", &path, &document).expect(200);
    assert_eq!(admin.get(&path).json, document);
    for user in [
        json!({ "username": "a\u{0}" }),
        json!({ "username": "b", "email": "b\u{0}@example.com" }),
        json!({ "username": "b", "name": "b\u{0}" }),
    ] {
        assert_eq!(admin.post("/users", user).status, 422);
    }
    admin.post("/authenticate", json!({ "username": "a\u{0}", "password": "\u{0}" })).expect(401);
}
