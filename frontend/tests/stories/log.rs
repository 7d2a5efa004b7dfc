//! What is written to the log, and what never is.

use crate::house::Mood;
use crate::street::Street;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once};

static LOG: Log = Log(Mutex::new(Vec::new()));

struct Log(Mutex<Vec<u8>>);

impl Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap()
    }

    /// Everything that was said so far, by other stories too: they run at the same time.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }
}

/// Everything, down to the chatter of the libraries.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        tracing::subscriber::set_global_default(subscriber.with_writer(|| &LOG).finish()).unwrap();
    });
}

#[actix_web::test]
async fn a_line_for_each_request_and_no_secret_in_any() {
    listen();
    let street = Street::new("/log-test/").await;
    street.house.memory().add_user("logged", "pass-word-in-the-log");
    let mut browser = street.browser();
    browser.get(&street.at("setup?link=link-in-the-log")).await;
    street.log_in(&mut browser, "logged", "wrong-word-in-the-log").await;
    assert_eq!(street.log_in(&mut browser, "logged", "pass-word-in-the-log").await.status, 303);
    let page = browser.get(street.base).await;
    street.house.mood(Mood::Away(5));
    let away = browser.get(street.base).await;
    street.house.mood(Mood::Well);
    let token = street.house.memory().sessions[browser.cookie("sessionid").unwrap()].token.clone();
    let log = LOG.text();
    for said in [
        "answered method=GET path=\"/log-test/setup\" status=200 ms=",
        "answered method=POST path=\"/log-test/login\" status=401 ms=",
        "answered method=POST path=\"/log-test/login\" status=303 ms=",
        "answered method=GET path=\"/log-test/\" status=503 ms=",
        away.header("x-request-id").unwrap(),
    ] {
        assert!(log.contains(said), "{said} is not in {log}");
    }
    for secret in [
        "link-in-the-log",
        "wrong-word-in-the-log",
        "pass-word-in-the-log",
        "frontend secret",
        &format!("secret of {token}"),
        browser.cookie("sessionid").unwrap(),
        browser.cookie("device").unwrap(),
        browser.cookie("csrf").unwrap(),
        &page.csrf(),
        "oauth_signature=",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
