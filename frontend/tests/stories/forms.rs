//! What a form must be before anybody looks at what is in it.

use crate::browser::{Answer, Browser};
use crate::street::{BASES, Street};
use reqwest::Method;

async fn post_login(street: &Street, browser: &mut Browser, csrf: &str) -> Answer {
    let fields = [("csrf", csrf), ("username", "ada"), ("password", "correct horse"), ("next", "/blog/")];
    browser.post(&street.at("login"), &fields).await
}

#[actix_web::test]
async fn a_form_without_a_good_token_does_nothing() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        let token = browser.get(&street.at("login")).await.csrf();
        let foreign = street.browser().get(&street.at("login")).await.csrf();
        for forged in ["", "x", &foreign, &token[1..], &token.to_lowercase()] {
            let answer = post_login(&street, &mut browser, forged).await;
            assert_eq!(answer.status, 403, "{forged}");
            assert!(answer.body.contains("This form has expired, please try again."));
            assert_eq!((answer.csrf(), answer.field("next").as_str()), (token.clone(), "/blog/"), "a fresh form");
        }
        assert!(street.house.memory().clients.is_empty(), "nothing was asked");
        let answer = post_login(&street, &mut browser, &token).await;
        assert_eq!((answer.status, answer.location()), (303, "/blog/"));
    }
}

#[actix_web::test]
async fn a_browser_without_the_cookie_gets_one_with_the_fresh_form() {
    for base in BASES {
        let street = Street::new(base).await;
        let token = street.browser().get(&street.at("login")).await.csrf();
        let mut browser = street.browser();
        let answer = post_login(&street, &mut browser, &token).await;
        assert_eq!(answer.status, 403);
        assert!(answer.set_cookie("csrf").is_some());
        assert_eq!(post_login(&street, &mut browser, &answer.csrf()).await.status, 303);
    }
}

#[actix_web::test]
async fn a_token_of_one_session_opens_no_form_of_another() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        let before = browser.get(&street.at("login")).await.csrf();
        street.log_in(&mut browser, "ada", "correct horse").await;
        let of_first = browser.get(base).await.csrf();
        assert_eq!(browser.post(&street.at("logout"), &[("csrf", &before)]).await.status, 403);
        street.log_in(&mut browser, "ada", "correct horse").await;
        assert_eq!(browser.post(&street.at("logout"), &[("csrf", &of_first)]).await.status, 403);
        assert_eq!(browser.get(base).await.status, 200, "still logged in");
        let now = browser.get(base).await.csrf();
        assert_eq!(browser.post(&street.at("logout"), &[("csrf", &now)]).await.status, 303);
    }
}

#[actix_web::test]
async fn every_form_is_protected() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let done = street.house.memory().done.len();
        for page in ["login", "logout", "setup", "tokens/end", "sessions/end", "sessions/others"] {
            let answer = browser.post(&street.at(page), &[("link", "x"), ("token", "y"), ("username", "z")]).await;
            assert_eq!(answer.status, 403, "{page}");
            assert!(answer.body.contains("This form has expired, please try again."), "{page}");
        }
        assert_eq!(street.house.memory().done.len(), done, "nothing was asked");
    }
}

#[actix_web::test]
async fn tokens_survive_a_restart_and_two_tabs() {
    let mut street = Street::new("/").await;
    let mut browser = street.browser();
    let first_tab = browser.get("/login").await.csrf();
    let second_tab = browser.get("/login?next=%2Fblog%2F").await.csrf();
    assert_eq!(first_tab, second_tab);
    street.stop().await.unwrap();
    let restarted = Street::new("/").await;
    let mut after = restarted.browser();
    after.cookies = browser.cookies;
    assert_eq!(post_login(&restarted, &mut after, &first_tab).await.status, 303);
}

#[actix_web::test]
async fn a_form_sent_from_another_site_is_refused_whatever_its_token() {
    for base in BASES {
        let street = Street::new(base).await;
        for (name, value, status) in [
            ("sec-fetch-site", "cross-site", 403),
            ("sec-fetch-site", "same-site", 403),
            ("origin", "https://evil.example", 403),
            ("sec-fetch-site", "same-origin", 303),
            ("origin", "null", 303),
        ] {
            let mut browser = street.browser();
            let token = browser.get(&street.at("login")).await.csrf();
            browser.headers.push((name, value.into()));
            assert_eq!(post_login(&street, &mut browser, &token).await.status, status, "{name}: {value}");
        }
    }
}

#[actix_web::test]
async fn only_small_forms_are_read() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        let form = "application/x-www-form-urlencoded";
        let page = street.at("login");
        let mut send =
            async |media: &str, body: String| browser.send(Method::POST, &page, Some((media, body))).await.status;
        assert_eq!(send(form, "a=".to_owned() + &"x".repeat(8190)).await, 403, "8 KiB are read");
        assert_eq!(send(form, "a=".to_owned() + &"x".repeat(8191)).await, 413);
        assert_eq!(send(form, "a=".to_owned() + &"x".repeat(4_000_000)).await, 413);
        assert_eq!(send("application/json", "{}".into()).await, 415);
        assert_eq!(send("multipart/form-data; boundary=x", "--x--".into()).await, 415);
        assert_eq!(send("text/plain", "csrf=x".into()).await, 415);
        assert_eq!(send(form, "csrf=a&csrf=b".into()).await, 400);
        assert_eq!(send("Application/X-WWW-Form-URLEncoded; charset=UTF-8", "csrf=a".into()).await, 403);
    }
}
