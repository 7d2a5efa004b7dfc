//! Strangers can send what they like: nothing of it is remembered. Alone in its process, because it measures memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{House, Raw, nonce, now};

/// Resident memory of this process, which holds the service.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn header(index: usize, method: &str) -> String {
    format!(
        "OAuth oauth_consumer_key=\"k{index}\", oauth_token=\"t{index}\", oauth_signature_method=\"{method}\", \
         oauth_timestamp=\"{}\", oauth_nonce=\"{}\", oauth_signature=\"AAAAAAAAAAAAAAAAAAAAAAAAAAA%3D\"",
        now(),
        nonce()
    )
}

/// CVE-2026-72888: memory grew with every method name that was not known.
#[test]
fn a_flood_of_unknown_names_is_not_remembered() {
    let house = House::start();
    let flood = |round: usize| {
        for index in round * 3000..(round + 1) * 3000 {
            let unknown = Raw::new("GET", "/echo").header("Authorization", &header(index, "HMAC-SHA1"));
            house.send(&unknown).refused("signature_invalid");
            let method = format!("M{index}");
            let unknown = Raw::new("GET", "/echo").header("Authorization", &header(index, &method));
            house.send(&unknown).refused("signature_method_rejected");
        }
    };
    // The first round warms up caches and pools.
    flood(0);
    let before = resident_kib();
    flood(1);
    flood(2);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 8 * 1024, "12,000 strangers left {grown} KiB behind");
}
