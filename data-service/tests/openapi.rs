//! The wire is a promise: a change of the OpenAPI document shows up in review.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may fail by panicking")]

/// `UPDATE_SNAPSHOTS=1 cargo test -p data-service --test openapi` writes it anew when a change is meant.
#[test]
fn the_openapi_document_is_unchanged() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let made = serde_json::to_string_pretty(&shared::openapi::document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(made == kept, "docs/openapi.json is not what the commands declare; see this test");
}
