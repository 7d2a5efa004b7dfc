//! What is refused before or beside the signature: syntax and time.

use super::client::Client;
use super::{INVALID, check, codes, diagnose};

const REJECTED: &str = "parameter_rejected";
const METHOD: &str = "signature_method_rejected";
const LATE: &str = "timestamp_refused";

fn only(text: &str, wanted: &str) -> String {
    let without = text.lines().filter(|line| !line.starts_with("Authorization"));
    without.collect::<Vec<_>>().join("\n").replacen('\n', wanted, 1)
}

#[test]
fn parameters() {
    check(&[
        ("unsigned", "unsigned", Client::get, |c| c.capture = |text| only(&text, "\n")),
        ("authorization_scheme", "unsigned", Client::get, |c| {
            c.capture = |text| only(&text, "\nAuthorization: Bearer x\n")
        }),
        ("authorization_twice", REJECTED, Client::get, |c| {
            c.capture = |text| {
                let line = text.lines().find(|line| line.starts_with("Authorization")).unwrap().to_owned();
                text.replace(&line, &format!("{line}\r\n{line}"))
            };
        }),
        ("parameter_absent", "parameter_absent", Client::get, |c| c.drop("oauth_nonce")),
        ("parameter_duplicate", "parameter_duplicate", Client::get, |c| {
            c.oauth.push(("oauth_version".into(), "1.0".into()))
        }),
        ("version_rejected", "version_rejected", Client::get, |c| c.set("oauth_version", "1.0a")),
        ("two_places", REJECTED, Client::get, |c| c.target = "/users/me?oauth_verifier=1".into()),
        ("bad_escape", REJECTED, Client::get, |c| c.capture = |text| text.replace("r%20b", "r%2gb")),
        ("nonce_malformed", REJECTED, Client::get, |c| c.set("oauth_nonce", "\u{e9}")),
        ("nonce_malformed", REJECTED, Client::get, |c| c.set("oauth_nonce", &"x".repeat(257))),
        ("timestamp_milliseconds", REJECTED, Client::get, |c| c.set("oauth_timestamp", "1700000000123")),
        ("timestamp_fraction", REJECTED, Client::get, |c| c.set("oauth_timestamp", "1700000000.12")),
        ("timestamp_malformed", REJECTED, Client::get, |c| c.set("oauth_timestamp", "2023-11-14T22:13:20Z")),
        ("timestamp_malformed", REJECTED, Client::get, |c| c.set("oauth_timestamp", "-1")),
        ("body_hash_with_form", REJECTED, Client::form, |c| c.hashed = Some(Vec::new())),
        ("plaintext_used", METHOD, Client::get, |c| {
            c.set("oauth_signature_method", "PLAINTEXT");
            c.write_signature =
                |_| "consumer%2Bsecret%2Fof%2032%26characters&token%25secret%3Dof~28%20characters".into();
        }),
        ("signature_method_case", METHOD, Client::get, |c| c.set("oauth_signature_method", "hmac-sha256")),
        ("signature_method_unknown", METHOD, Client::get, |c| c.set("oauth_signature_method", "RSA-SHA1")),
    ]);
}

#[test]
fn clocks() {
    check(&[
        ("clock_off", LATE, Client::get, |c| c.at = Some(1_700_000_301)),
        ("clock_off", LATE, Client::get, |c| c.at = Some(1_700_000_000 - 61)),
        ("clock_off", LATE, Client::get, |c| c.at = Some(1_700_000_000 + 90 * 86400)),
        ("clock_off", LATE, Client::get, |c| c.at = Some(i64::MAX)),
        ("clock_off", LATE, Client::get, |c| c.at = Some(i64::MIN)),
        ("clock_time_zone", LATE, Client::get, |c| c.at = Some(1_700_000_000 - 7200 + 4)),
        ("clock_time_zone", LATE, Client::get, |c| c.at = Some(1_700_000_000 + 19_800)),
    ]);
    for at in [1_700_000_300, 1_699_999_940] {
        let (_, diagnosis) = diagnose(Client { at: Some(at), ..Client::get() });
        assert_eq!(diagnosis.verdict, "ok");
    }
}

/// The server stops at the first; the doctor goes on.
#[test]
fn several_things_are_all_named() {
    let mut client = Client::json();
    client.at = Some(1_700_009_000);
    client.signed_url = "https://api.example.com:8000/users/me".into();
    client.hashed = Some(Vec::new());
    let (_, diagnosis) = diagnose(client);
    assert_eq!(diagnosis.verdict, LATE);
    assert_eq!(codes(&diagnosis), ["clock_time_zone", "scheme", "body_hash_of_nothing"]);
    let mut client = Client::get();
    client.set("oauth_timestamp", "1700000000123");
    client.signed_url.push('/');
    let (_, diagnosis) = diagnose(client);
    assert_eq!(codes(&diagnosis), ["timestamp_milliseconds", "path_slash"]);
    assert_ne!(diagnosis.verdict, INVALID);
}
