//! Two mistakes at once.

use super::client::{CONSUMER_SECRET, Client, hex};
use super::{codes, diagnose};

fn assert_both(wanted: [&str; 2], fault: fn(&mut Client)) {
    let mut client = Client::get();
    fault(&mut client);
    let (request, diagnosis) = diagnose(client);
    let (mut found, mut wanted) = (codes(&diagnosis), wanted);
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{request}\n{diagnosis:#?}");
}

#[test]
fn two_at_once_are_found() {
    assert_both(["scheme", "query_left_out"], |c| {
        c.signed_url = "https://api.example.com:8000/users/me".into();
        c.edit = |pairs| pairs.retain(|(name, _)| name.starts_with("oauth_"));
    });
    assert_both(["port", "path_prefix"], |c| {
        c.base_url = "http://api.example.com:9999";
        c.signed_url = "http://api.example.com:8000/v1/users/me".into();
    });
    assert_both(["version_left_out", "empty_values_left_out"], |c| {
        c.edit = |pairs| pairs.retain(|(name, value)| !value.is_empty() && name != "oauth_version");
    });
    assert_both(["token_secret_left_out", "secrets_not_encoded"], |c| c.key = format!("{CONSUMER_SECRET}&"));
    assert_both(["method_differs", "path_slash"], |c| {
        c.method = "HEAD";
        c.signed_url.push('/');
    });
}

/// What the signature shows by itself does not count as one of the two.
#[test]
fn two_behind_a_signature_of_another_method_in_hex() {
    let mut client = Client::get();
    client.hash = "HMAC-SHA1";
    client.write_signature = hex;
    client.signed_url = "https://api.example.com:8000/users/me/".into();
    let (_, diagnosis) = diagnose(client);
    assert_eq!(codes(&diagnosis), ["signature_hex", "signature_method_differs", "scheme", "path_slash"]);
}
