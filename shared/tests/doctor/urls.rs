//! The URL and the method.

use super::client::Client;
use super::{INVALID, check, codes, diagnose};

#[test]
fn origins() {
    check(&[
        ("scheme", INVALID, Client::get, |c| c.signed_url = "https://api.example.com:8000/users/me".into()),
        ("scheme", INVALID, Client::get, |c| {
            c.base_url = "https://api.example.com:8000";
        }),
        ("scheme", INVALID, Client::get, |c| {
            c.base_url = "http://api.example.com";
            c.signed_url = "https://api.example.com/users/me".into();
        }),
        ("port", INVALID, Client::get, |c| c.signed_url = "http://api.example.com/users/me".into()),
        ("port", INVALID, Client::get, |c| {
            c.base_url = "http://api.example.com";
            c.signed_url = "http://api.example.com:80/users/me".into();
        }),
        ("port", INVALID, Client::get, |c| {
            c.base_url = "https://api.example.com";
            c.signed_url = "https://api.example.com:443/users/me".into();
        }),
        ("port", INVALID, Client::get, |c| {
            c.headers = vec!["Host: api.example.com:31337".into()];
            c.signed_url = "http://api.example.com:31337/users/me".into();
        }),
        ("port", INVALID, Client::get, |c| {
            c.headers.push("X-Forwarded-Port: 9443".into());
            c.signed_url = "http://api.example.com:9443/users/me".into();
        }),
        ("host", INVALID, Client::get, |c| {
            c.base_url = "http://10.0.0.7:8000";
            c.signed_url = "http://api.example.com:8000/users/me".into();
        }),
        ("host", INVALID, Client::get, |c| {
            c.headers.push("X-Forwarded-Host: outer.example.org, inner".into());
            c.signed_url = "http://outer.example.org:8000/users/me".into();
        }),
        ("host", INVALID, Client::get, |c| {
            c.headers.push("Forwarded: for=1.2.3.4;host=\"outer.example.org\";proto=https, for=5".into());
            c.signed_url = "http://outer.example.org:8000/users/me".into();
        }),
        ("host", INVALID, Client::get, |c| {
            c.target = "http://front.example.net/users/me".into();
            c.signed_url = "http://front.example.net:8000/users/me".into();
        }),
        ("host", INVALID, Client::get, |c| c.signed_url = "http://localhost:8000/users/me".into()),
        ("host", INVALID, Client::get, |c| c.signed_url = "http://[::1]:8000/users/me".into()),
        ("host", INVALID, Client::get, |c| {
            c.base_url = "http://[::1]:8000";
            c.headers = vec!["Host: localhost:8000".into()];
            c.signed_url = "http://127.0.0.1:8000/users/me".into();
        }),
        ("host", INVALID, Client::get, |c| c.signed_url = "http://www.api.example.com:8000/users/me".into()),
        ("host", INVALID, Client::get, |c| {
            c.base_url = "http://www.example.com";
            c.headers.clear();
            c.signed_url = "http://example.com/users/me".into();
        }),
        ("host_case", INVALID, Client::get, |c| {
            c.headers = vec!["Host: API.example.com:8000".into()];
            c.signed_url = "http://API.example.com:8000/users/me".into();
        }),
    ]);
}

#[test]
fn a_tls_proxy_is_named_with_what_to_do() {
    let mut client = Client::get();
    client.base_url = "http://127.0.0.1:8000";
    client.headers = vec!["Host: api.example.com".into(), "X-Forwarded-Proto: https".into()];
    client.signed_url = "https://api.example.com/users/me".into();
    let (_, diagnosis) = diagnose(client);
    assert_eq!(codes(&diagnosis), ["scheme", "host", "port"]);
    assert_eq!(
        diagnosis.causes[0].detail,
        "The client signed https://api.example.com/users/me, the server expected http://127.0.0.1:8000/users/me. A \
         proxy that ends TLS stands in front of the server. Set data_service.public_urls to https://api.example.com, if \
         that is its public address."
    );
    assert_eq!(diagnosis.causes[0].found.as_deref(), Some("https://api.example.com/users/me"));
    assert_eq!(diagnosis.causes[0].expected.as_deref(), Some("http://127.0.0.1:8000/users/me"));
}

#[test]
fn paths() {
    const HERE: &str = "http://api.example.com:8000";
    check(&[
        ("path_prefix", INVALID, Client::get, |c| c.signed_url = format!("{HERE}/api/users/me")),
        ("path_prefix", INVALID, Client::get, |c| c.signed_url = format!("{HERE}/me")),
        ("path_prefix", INVALID, Client::get, |c| {
            c.base_url = "http://api.example.com:8000/users";
        }),
        ("path_prefix", INVALID, Client::get, |c| {
            c.base_url = "http://api.example.com:8000/deep/down";
        }),
        ("path_prefix", INVALID, Client::get, |c| {
            c.headers.push("X-Forwarded-Prefix: /odd/place/".into());
            c.signed_url = format!("{HERE}/odd/place/users/me");
        }),
        ("path_prefix", INVALID, Client::get, |c| {
            c.headers.push("X-Original-URI: /odd/people/me?b5=x".into());
            c.signed_url = format!("{HERE}/odd/people/me");
        }),
        ("path_prefix", INVALID, Client::get, |c| {
            c.headers.push("X-Rewrite-URL: http://h/odd/people/me?b5=x".into());
            c.signed_url = format!("{HERE}/odd/people/me");
        }),
        ("path_slash", INVALID, Client::get, |c| c.signed_url.push('/')),
        ("path_slash", INVALID, Client::get, |c| c.target = "/users/me/".into()),
        ("path_decoded", INVALID, Client::get, |c| {
            c.target = "/a%20b/%7Ec".into();
            c.signed_url = format!("{HERE}/a b/~c");
        }),
        ("path_encoded_again", INVALID, Client::get, |c| {
            c.target = "/a%20b".into();
            c.signed_url = format!("{HERE}/a%2520b");
        }),
        ("path_encoded_again", INVALID, Client::get, |c| {
            c.target = "/a%20b/c:d".into();
            c.signed_url = format!("{HERE}/a%20b/c%3Ad");
        }),
        ("path_hex_case", INVALID, Client::get, |c| {
            c.target = "/a%2fb".into();
            c.signed_url = format!("{HERE}/a%2Fb");
        }),
        ("path_hex_case", INVALID, Client::get, |c| {
            c.target = "/a%2Fb".into();
            c.signed_url = format!("{HERE}/a%2fb");
        }),
        ("path_slashes_merged", INVALID, Client::get, |c| {
            c.target = "/a//b".into();
            c.signed_url = format!("{HERE}/a/b");
        }),
        ("path_dots", INVALID, Client::get, |c| {
            c.target = "/a/../b/./c".into();
            c.signed_url = format!("{HERE}/b/c");
        }),
        ("path_semicolon", INVALID, Client::get, |c| {
            c.target = "/a;v=1/b".into();
            c.signed_url = format!("{HERE}/a/b");
        }),
        ("path_empty", INVALID, Client::get, |c| {
            c.target = "/".into();
            c.signed_url = HERE.into();
        }),
        ("url_with_query", INVALID, Client::get, |c| c.signed_url = format!("{HERE}{}", c.target)),
    ]);
}

#[test]
fn methods() {
    check(&[
        ("method_lower_case", INVALID, Client::get, |c| c.signed_method = "get".into()),
        ("method_differs", INVALID, Client::get, |c| c.method = "HEAD"),
        ("method_differs", INVALID, Client::json, |c| c.signed_method = "PATCH".into()),
        ("method_override", INVALID, Client::json, |c| {
            c.headers.push("X-HTTP-Method-Override: put".into());
            c.signed_method = "PUT".into();
        }),
        ("method_override", INVALID, Client::json, |c| {
            c.headers.push("X-Forwarded-Method: MERGE".into());
            c.signed_method = "MERGE".into();
        }),
    ]);
}
