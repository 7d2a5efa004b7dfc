//! Which parameters are signed, how they are written, and how they are sorted.

use super::client::{Client, Pair, decode, encode};
use super::{INVALID, check, codes, diagnose};

fn is_query(name: &str) -> bool {
    ["b5", "a3", "c@", "tag"].contains(&name)
}

fn plus(text: &str) -> String {
    encode(text).replace("%20", "+")
}

fn html_form(text: &str) -> String {
    plus(text).replace("%2A", "*").replace('~', "%7E")
}

/// Every escape in lower case.
fn lower_hex(text: &str) -> String {
    let mut pieces = encode(text).split('%').map(str::to_owned).collect::<Vec<_>>();
    pieces.iter_mut().skip(1).for_each(|piece| piece[..2].make_ascii_lowercase());
    pieces.join("%")
}

fn keep_last(pairs: &mut Vec<Pair>) {
    let all = pairs.clone();
    let mut index = 0;
    pairs.retain(|(name, _)| {
        index += 1;
        !all[index..].iter().any(|(other, _)| other == name)
    });
}

#[test]
fn left_out_or_put_in() {
    check(&[
        ("query_left_out", INVALID, Client::get, |c| c.edit = |pairs| pairs.retain(|(name, _)| !is_query(name))),
        ("form_left_out", INVALID, Client::form, |c| {
            c.target = "/users/me".into();
            c.edit = |pairs| pairs.retain(|(name, _)| name.starts_with("oauth_"));
        }),
        ("json_labelled_as_form", INVALID, Client::json, |c| {
            c.content_type = Some("application/x-www-form-urlencoded");
            c.hashed = None;
            c.edit = |pairs| pairs.retain(|(name, _)| !name.starts_with('{'));
        }),
        ("body_signed_as_form", INVALID, Client::form, |c| {
            c.content_type = Some("text/plain");
            c.edit = |pairs| pairs.extend(super::client::form("status=Hello+Ladies+%2B+all%21&a3=&x=1"));
        }),
        (
            "json_signed_as_parameters",
            INVALID,
            || Client::post("application/json", "{\"b\":\"x y\",\"a\":1}"),
            |c| {
                c.edit = |pairs| pairs.extend([("b".into(), "x y".into()), ("a".into(), "1".into())]);
            },
        ),
        ("empty_values_left_out", INVALID, Client::get, |c| {
            c.edit = |pairs| pairs.retain(|(_, value)| !value.is_empty())
        }),
        ("empty_token_left_out", INVALID, Client::two_legged, |c| {
            c.set("oauth_token", "");
            c.edit = |pairs| pairs.retain(|(name, _)| name != "oauth_token");
        }),
        ("empty_token_added", INVALID, Client::two_legged, |c| {
            c.edit = |pairs| pairs.push(("oauth_token".into(), String::new()));
        }),
        ("token_left_out", INVALID, Client::get, |c| c.edit = |pairs| pairs.retain(|(name, _)| name != "oauth_token")),
        ("version_left_out", INVALID, Client::get, |c| {
            c.edit = |pairs| pairs.retain(|(name, _)| name != "oauth_version")
        }),
        ("version_added", INVALID, Client::get, |c| {
            c.drop("oauth_version");
            c.edit = |pairs| pairs.push(("oauth_version".into(), "1.0".into()));
        }),
        ("realm_signed", INVALID, Client::get, |c| {
            c.edit = |pairs| pairs.push(("realm".into(), "Countersign, all".into()));
        }),
        ("body_hash_left_out", INVALID, Client::json, |c| {
            c.edit = |pairs| pairs.retain(|(name, _)| name != "oauth_body_hash");
        }),
        ("parameter_left_out", INVALID, Client::get, |c| {
            c.set("oauth_verifier", "v");
            c.edit = |pairs| pairs.retain(|(name, _)| name != "oauth_verifier");
        }),
        ("protocol_parameters_left_out", INVALID, Client::get, |c| {
            c.edit = |pairs| pairs.retain(|(name, _)| is_query(name))
        }),
        ("duplicates_left_out", INVALID, Client::get, |c| c.edit = keep_last),
        ("duplicates_left_out", INVALID, Client::get, |c| {
            c.edit = |pairs| {
                pairs.reverse();
                keep_last(pairs);
            };
        }),
        ("signature_method_signed_differs", INVALID, Client::get, |c| {
            c.edit =
                |pairs| pairs.iter_mut().filter(|(_, v)| v == "HMAC-SHA256").for_each(|(_, v)| *v = "HMAC-SHA1".into());
        }),
    ]);
}

#[test]
fn a_body_hash_that_is_signed_must_be_sent() {
    let mut client = Client::post("application/json", "{}");
    client.hashed = None;
    client.edit = |pairs| pairs.push(("oauth_body_hash".into(), "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=".into()));
    let (_, diagnosis) = diagnose(client);
    assert_eq!(
        (codes(&diagnosis), diagnosis.verdict.as_str()),
        (vec!["body_hash_not_sent", "body_hash_required"], INVALID)
    );
}

#[test]
fn written() {
    check(&[
        ("encoded_twice", INVALID, Client::get, |c| c.value = |text| encode(&encode(text))),
        ("encoded_twice", INVALID, Client::get, |c| {
            // Only what stands in the query, and there in lower case.
            c.target = "/users/me?a=x%2fy".into();
            c.edit =
                |pairs| pairs.iter_mut().filter(|(name, _)| name == "a").for_each(|(_, value)| *value = "x%2fy".into());
        }),
        ("query_verbatim", INVALID, Client::get, |c| {
            c.target = "/users/me?a=x:y!&b=c/d".into();
            c.value = |text| if text.contains(['!', '/']) && !text.contains('+') { text.into() } else { encode(text) };
        }),
        ("space_as_plus", INVALID, Client::get, |c| (c.name, c.value) = (plus, plus)),
        ("plus_not_space", INVALID, Client::get, |c| {
            c.target = "/users/me?a=1+2".into();
            c.edit = |pairs| pairs.iter_mut().for_each(|(_, value)| *value = value.replace(' ', "+"));
        }),
        ("form_encoding", INVALID, Client::get, |c| {
            c.target = "/users/me?a=1%202*~".into();
            (c.name, c.value) = (html_form, html_form);
        }),
        ("characters_not_encoded", INVALID, Client::get, |c| c.value = |text| encode(text).replace("%21", "!")),
        ("tilde_encoded", INVALID, Client::get, |c| {
            c.target = "/users/me?a=~".into();
            c.value = |text| encode(text).replace('~', "%7E");
        }),
        ("lower_case_hex", INVALID, Client::get, |c| {
            c.target = "/users/me?a=x/y".into();
            (c.name, c.value) = (lower_hex, lower_hex);
        }),
        ("lower_case_hex", INVALID, Client::get, |c| {
            (c.name, c.value, c.outer) = (lower_hex, lower_hex, lower_hex);
        }),
        ("not_encoded", INVALID, Client::get, |c| (c.name, c.value) = (str::to_owned, str::to_owned)),
        ("names_not_encoded", INVALID, Client::get, |c| c.name = str::to_owned),
        ("values_not_encoded", INVALID, Client::get, |c| c.value = str::to_owned),
    ]);
    assert_eq!(decode("a%20b"), "a b");
}

#[test]
fn sorted() {
    check(&[
        ("sorted_decoded", INVALID, Client::get, |c| c.sort = |pairs| pairs.sort()),
        ("sorted_by_name", INVALID, Client::get, |c| c.sort = |pairs| pairs.sort_by(|a, b| a.1.0.cmp(&b.1.0))),
        ("sorted_joined", INVALID, Client::get, |c| {
            c.target = "/users/me?a=z&a-b=2".into();
            c.sort = |pairs| pairs.sort_by_key(|(_, (name, value))| format!("{name}={value}"));
        }),
        ("not_sorted", INVALID, Client::get, |c| c.sort = |pairs| pairs.rotate_left(0)),
    ]);
}
