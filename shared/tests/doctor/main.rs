//! One captured request per mistake, made by a client that makes it, and what the doctor says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod bodies;
mod client;
#[path = "../common/mod.rs"]
mod common;
mod keys;
mod pairs;
mod parameters;
mod sound;
mod syntax;
mod urls;

use client::Client;
use shared::oauth1::doctor::{Diagnosis, explain};
use shared::secret::Secret;

/// The first cause, the verdict, and how the client comes to it.
type Row = (&'static str, &'static str, fn() -> Client, fn(&mut Client));

const INVALID: &str = "signature_invalid";

fn check(rows: &[Row]) {
    for (index, (code, verdict, client, fault)) in rows.iter().enumerate() {
        let mut client = client();
        fault(&mut client);
        let (request, diagnosis) = diagnose(client);
        let found = diagnosis.causes.first().map(|cause| cause.code.as_str());
        assert_eq!(
            (found, diagnosis.verdict.as_str()),
            (Some(*code), *verdict),
            "row {index}\n{request}\n{diagnosis:#?}"
        );
    }
}

/// Whatever is wrong, no secret leaves, and a refusal has a cause.
fn diagnose(client: Client) -> (String, Diagnosis) {
    let secrets = [client.consumer_secret, client.token_secret];
    let (base_url, at) = (client.base_url, client.at);
    let request = client.request();
    let [consumer, token] = secrets.map(Secret::new);
    let diagnosis = explain(request.as_bytes(), base_url, &consumer, &token, at).unwrap();
    let shown = format!("{} {:?}", serde_json::to_string(&diagnosis).unwrap(), diagnosis.sent_signature);
    for secret in secrets.iter().filter(|secret| !secret.trim().is_empty()) {
        let secret = secret.trim();
        let once = client::encode(secret);
        for spelling in [secret.to_owned(), once.clone(), client::encode(&once)] {
            assert!(!shown.contains(&spelling), "{spelling} in {shown}");
        }
    }
    assert_eq!(diagnosis.is_ok(), diagnosis.causes.iter().all(|cause| cause.note), "{diagnosis:#?}");
    (request, diagnosis)
}

fn codes(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.causes.iter().map(|cause| cause.code.as_str()).collect()
}
