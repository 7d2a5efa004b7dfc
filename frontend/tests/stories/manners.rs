//! What every answer carries, whatever it says.

use crate::browser::Answer;
use crate::house::Mood;
use crate::street::{BASES, Street};
use reqwest::Method;

fn check(answer: &Answer, https: bool) {
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; \
             base-uri 'none'",
        ),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("permissions-policy").is_some());
    assert_eq!(answer.header("x-request-id").unwrap().len(), 22);
    assert_eq!(answer.header("strict-transport-security").is_some(), https);
    if !answer.header("cache-control").unwrap().contains("immutable") {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[actix_web::test]
async fn every_answer_is_careful_errors_included() {
    for base in BASES {
        for https in [false, true] {
            let public_url = https.then(|| "https://example.com".to_owned());
            let street = Street::with(base, |settings| settings.public_url = public_url).await;
            let mut browser = street.ada().await;
            for (method, page, status) in [
                (Method::GET, "", 200),
                (Method::GET, "login", 200),
                (Method::GET, "setup?link=x", 200),
                (Method::GET, "healthz", 200),
                (Method::GET, "nothing", 404),
                (Method::GET, "static/nothing.css", 404),
                (Method::GET, "login/", 404),
                (Method::GET, "login?next=a&next=b", 400),
                (Method::GET, "verify", 204),
                (Method::GET, "verify?redirect=303", 400),
                (Method::GET, "logout", 405),
                (Method::GET, "tokens/end", 405),
                (Method::POST, "", 405),
                (Method::PUT, "login", 405),
                (Method::DELETE, "healthz", 405),
                (Method::OPTIONS, "login", 405),
                (Method::POST, "login", 415),
            ] {
                let answer = browser.send(method.clone(), &street.at(page), None).await;
                assert_eq!(answer.status, status, "{method} {page}");
                check(&answer, https);
                assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {page}");
                if status >= 400 {
                    assert!(answer.body.contains("<h1>"), "{method} {page}: {}", answer.body);
                }
            }
            street.house.mood(Mood::Away(5));
            let answer = browser.get(base).await;
            assert_eq!(answer.status, 503);
            let request_id = answer.header("x-request-id").unwrap();
            assert!(answer.body.contains(request_id), "whoever asks for help has something to quote");
            check(&answer, https);
        }
    }
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        for page in ["", "login", "setup?link=x", "verify", "healthz", "nothing"] {
            let (get, head) = (browser.get(&street.at(page)).await, browser.head(&street.at(page)).await);
            assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{page}");
            assert_eq!(head.header("content-length"), get.header("content-length"), "{page}");
        }
    }
}

#[actix_web::test]
async fn the_style_sheet_is_kept_for_ever_under_its_own_name() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        let page = browser.get(&street.at("login")).await.body;
        for (ending, media) in [("css\"", "text/css; charset=utf-8"), ("svg\"", "image/svg+xml")] {
            let found = page.split("href=\"").find(|part| part.split('>').next().unwrap().contains(ending)).unwrap();
            let path = found.split_once('"').unwrap().0;
            assert!(path.starts_with(&street.at("static/")), "{path}");
            let answer = browser.get(path).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(media)));
            assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
            check(&answer, false);
        }
        assert!(!page.contains("<script") && !page.contains("style=\"") && !page.contains("<style"));
    }
}

#[actix_web::test]
async fn health_asks_nobody() {
    for base in BASES {
        let street = Street::new(base).await;
        street.house.stop().await;
        let mut browser = street.browser();
        for path in ["/healthz".to_owned(), street.at("healthz")] {
            let answer = browser.get(&path).await;
            assert_eq!((answer.status, answer.body.trim()), (200, "ok"));
        }
    }
}

#[actix_web::test]
async fn beyond_the_base_path_there_is_nothing() {
    let street = Street::new("/accounts/").await;
    let mut browser = street.browser();
    for path in ["/", "/login", "/accountsx/", "/static/x"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        check(&answer, false);
    }
    let answer = browser.get("/accounts").await;
    assert_eq!((answer.status, answer.location()), (308, "/accounts/"));
}
