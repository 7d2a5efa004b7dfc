//! TLS to the database: who asks for it gets it, from the right server, or is not served. Tests that run where there is
//! PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use data_service::{Database, OpenError, Operator};
use testbed::{Authority, FAST, Ground, Postgres};

/// Opens the operator's door with a URL.
fn open(server: &Postgres, host: &str, parameters: &str) -> Result<(), OpenError> {
    let ground = Ground::new();
    let mut settings = common::settings(&ground);
    let url = format!("postgres://postgres:hunter2@{host}:{}/postgres{parameters}", server.port());
    settings.database = Database::at(url);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { Operator::open(&settings).await?.close().await.map_err(|error| panic!("{error}")) })
}

#[track_caller]
fn refused(outcome: Result<(), OpenError>, words: &str) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, OpenError::Refused(_)), "waiting does not help: {error}");
    let said = format!("{error} {error:?}");
    assert!(said.to_lowercase().contains(words) && !said.contains("hunter2"), "{said}");
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn the_right_authority_is_trusted_and_no_other() {
    let mut server = Postgres::prepare(&FAST);
    let folder = server.folder().to_owned();
    let (right, wrong) = (Authority::new(&folder, "right"), Authority::new(&folder, "wrong"));
    server.insist_on_tls(&right, "DNS:localhost");
    server.go();
    let with = |mode: &str, authority: &Authority| format!("?sslmode={mode}&sslrootcert={}", authority.certificate());
    open(&server, "localhost", &with("verify-full", &right)).unwrap();
    open(&server, "127.0.0.1", &with("verify-ca", &right)).unwrap();
    open(&server, "127.0.0.1", "?sslmode=require").unwrap();
    refused(open(&server, "localhost", &with("verify-full", &wrong)), "certificate");
    refused(open(&server, "localhost", &with("verify-ca", &wrong)), "certificate");
    // Who names an authority wants it looked at.
    refused(open(&server, "localhost", &with("require", &wrong)), "certificate");
    // Nobody's authority, and another name than the certificate's.
    refused(open(&server, "localhost", "?sslmode=verify-full"), "certificate");
    refused(open(&server, "127.0.0.1", &with("verify-full", &right)), "certificate");
    let nowhere = open(&server, "localhost", "?sslmode=verify-full&sslrootcert=/nowhere.pem").unwrap_err();
    assert!(nowhere.to_string().contains("there is no file /nowhere.pem"), "{nowhere}");
    // The server itself lets nobody in without: that the others came in proves that they spoke TLS.
    refused(open(&server, "localhost", "?sslmode=disable"), "no encryption");
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_server_without_tls_is_not_talked_to_by_who_asks_for_it() {
    let mut server = Postgres::prepare(&FAST);
    server.go();
    for mode in ["require", "verify-ca", "verify-full"] {
        refused(open(&server, "localhost", &format!("?sslmode={mode}")), "tls");
    }
    open(&server, "localhost", "").unwrap();
}
