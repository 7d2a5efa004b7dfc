//! The key, the signature as it is written, and the algorithm.

use super::client::{CONSUMER_SECRET, Client, TOKEN_SECRET, encode, hex};
use super::{INVALID, check, codes, diagnose};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

fn key(consumer: &str, token: &str) -> String {
    format!("{}&{}", encode(consumer), encode(token))
}

#[test]
fn keys() {
    check(&[
        ("secrets_not_encoded", INVALID, Client::get, |c| c.key = format!("{CONSUMER_SECRET}&{TOKEN_SECRET}")),
        ("ampersand_missing", INVALID, Client::two_legged, |c| c.key = encode(CONSUMER_SECRET)),
        ("secrets_swapped", INVALID, Client::get, |c| c.key = key(TOKEN_SECRET, CONSUMER_SECRET)),
        ("token_secret_left_out", INVALID, Client::get, |c| c.key = key(CONSUMER_SECRET, "")),
        ("token_secret_without_token", INVALID, Client::two_legged, |c| c.key = key(CONSUMER_SECRET, TOKEN_SECRET)),
        ("consumer_secret_left_out", INVALID, Client::get, |c| c.key = key("", TOKEN_SECRET)),
        ("secret_whitespace", INVALID, Client::get, |c| c.key = key(&format!("{CONSUMER_SECRET}\n"), TOKEN_SECRET)),
        ("secret_whitespace", INVALID, Client::get, |c| c.key = key(CONSUMER_SECRET, &format!("{TOKEN_SECRET} "))),
        ("secret_whitespace", INVALID, Client::get, |c| c.consumer_secret = "consumer+secret/of 32&characters\r\n"),
        ("secret_whitespace", INVALID, Client::get, |c| c.token_secret = " token%secret=of~28 characters"),
        ("key_for_secret", INVALID, Client::get, |c| c.key = key("blog", TOKEN_SECRET)),
        ("key_for_secret", INVALID, Client::get, |c| c.key = key(CONSUMER_SECRET, "t0k")),
    ]);
}

#[test]
fn writings() {
    check(&[
        ("signature_url_safe", INVALID, Client::get, |c| {
            c.signs_with("HMAC-SHA512");
            c.write_signature = |mac| URL_SAFE.encode(mac);
        }),
        ("signature_unpadded", INVALID, Client::get, |c| c.write_signature = |mac| STANDARD_NO_PAD.encode(mac)),
        ("signature_hex", INVALID, Client::get, |c| c.write_signature = hex),
        ("signature_base64_of_hex", INVALID, Client::get, |c| c.write_signature = |mac| STANDARD.encode(hex(mac))),
        ("signature_escaped_twice", INVALID, Client::get, |c| c.write_signature = |mac| encode(&STANDARD.encode(mac))),
        ("signature_malformed", INVALID, Client::get, |c| c.write_signature = |mac| STANDARD.encode(&mac[..16])),
        ("plaintext_used", INVALID, Client::get, |c| c.write_signature = |_| key(CONSUMER_SECRET, TOKEN_SECRET)),
        ("plaintext_used", INVALID, Client::get, |c| {
            c.write_signature = |_| format!("{CONSUMER_SECRET}&{TOKEN_SECRET}")
        }),
    ]);
}

#[test]
fn every_method_under_every_other_name() {
    let methods = ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512"];
    for named in methods {
        for used in methods {
            let mut client = Client::get();
            client.signs_with(named);
            client.hash = used;
            let (_, diagnosis) = diagnose(client);
            let wanted: &[&str] = if named == used { &[] } else { &["signature_method_differs"] };
            assert_eq!(codes(&diagnosis), wanted, "{used} as {named}");
        }
    }
}

#[test]
fn a_wrong_secret_is_told_apart_from_every_known_mistake() {
    let mut client = Client::get();
    client.key = key("another secret", TOKEN_SECRET);
    let (_, diagnosis) = diagnose(client);
    assert_eq!((codes(&diagnosis), diagnosis.verdict.as_str()), (vec!["unexplained"], INVALID));
    let detail = &diagnosis.causes[0].detail;
    assert!(detail.contains("Most likely a secret is wrong") && detail.contains("Not tried either"), "{detail}");
    let base_string = Client::get().base_string();
    assert_eq!(diagnosis.base_string, base_string);
}
