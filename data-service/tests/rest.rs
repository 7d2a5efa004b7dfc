//! What lies in the files while nobody looks: no secret, no password, no session id.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::House;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn nothing_secret_lies_in_the_database() {
    let mut house = House::start();
    let frontend = house.consumer("frontend", &["authenticate", "users.me.#"]);
    house.user("ada", "correct horse battery");
    let (as_ada, login) = frontend.sign_in("ada", "correct horse battery");
    as_ada.get("/users/me").expect(200);
    let link = house.runtime.block_on(house.operator.setup_link()).unwrap().unwrap();
    let text = |field: &str| login.json[field].as_str().unwrap().to_owned();
    let secrets = [
        text("sessionid"),
        text("secret"),
        text("device"),
        link.expose().to_owned(),
        frontend.signer.consumer.secret.expose().to_owned(),
        "correct horse battery".to_owned(),
        house.settings.seal_keys[0].expose().to_owned(),
    ];
    house.stop();
    house.ground.dump();
    let files = files(house.ground.path());
    let public = text("token");
    let holds = |what: &str| {
        files.iter().any(|file| std::fs::read(file).unwrap().windows(what.len()).any(|bytes| bytes == what.as_bytes()))
    };
    assert!(holds(&public), "the search finds what is there: the token's public half");
    for secret in secrets {
        assert!(!holds(&secret), "a secret lies in the open: {}…", &secret[..4]);
    }
}
