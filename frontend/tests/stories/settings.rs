//! Starting and stopping.

use crate::street::Street;
use frontend::{App, Error, Settings};
use shared::oauth1::Credentials;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

fn settings() -> Settings {
    let mut settings = Settings::new("http://127.0.0.1:9", Credentials::new("frontend", "secret"));
    settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    settings
}

fn refused(change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = settings();
    change(&mut settings);
    App::bind(settings).expect_err("must be refused").to_string()
}

#[test]
fn a_frontend_knows_its_addresses_before_it_runs() {
    let mut settings = settings();
    settings.base_path = "/accounts".into();
    let app = App::bind(settings.clone()).unwrap();
    assert!(app.url().starts_with("http://127.0.0.1:") && app.url().ends_with("/accounts/"));
    assert_eq!(app.public_url(), app.url());
    settings.public_url = Some("https://example.com:443".into());
    assert_eq!(App::bind(settings).unwrap().public_url(), "https://example.com/accounts/");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    assert!(refused(|s| s.base_path = "accounts".into()).starts_with("base_path: "));
    assert!(refused(|s| s.public_url = Some("example.com".into())).starts_with("public_url: "));
    assert!(refused(|s| s.data_service_url = "127.0.0.1:8000".into()).starts_with("data_service_url: "));
    assert!(refused(|s| s.data_service_url = "ftp://127.0.0.1".into()).starts_with("data_service_url: "));
    assert!(refused(|s| s.consumer = Credentials::new("frontend", "")).starts_with("consumer: "));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let held = TcpListener::bind(taken).unwrap();
    assert!(refused(|s| s.listen = taken).starts_with("cannot listen on 127.0.0.1:"));
    drop(held);
}

#[test]
fn secrets_are_not_printed() {
    assert!(!format!("{:?}", settings()).contains("\"secret\""));
    assert!(!format!("{:?}", App::bind(settings()).unwrap()).contains("\"secret\""));
}

#[test]
fn an_https_data_service_is_fine() {
    let mut settings = settings();
    settings.data_service_url = "https://data.example.com/api/".into();
    match App::bind(settings) {
        // A machine without certificate authorities cannot speak to it, and says so.
        Ok(_) | Err(Error::Client(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

#[actix_web::test]
async fn a_frontend_stops_when_told_though_browsers_keep_connections_open() {
    let mut street = Street::new("/").await;
    let mut browser = street.browser();
    assert_eq!(browser.get("/login").await.status, 200);
    let from = Instant::now();
    street.stop().await.unwrap();
    assert!(from.elapsed() < Duration::from_secs(3), "{:?}", from.elapsed());
}
