//! What a proxy learns that asks before it lets a request through.

use crate::browser::Answer;
use crate::house::Mood;
use crate::street::{BASES, Street};
use reqwest::Method;
use shared::error::Code;

const NAMES: [&str; 4] =
    ["x-auth-request-user", "x-auth-request-email", "x-auth-request-preferred-username", "remote-user"];

fn who(answer: &Answer) -> [Option<&str>; 4] {
    NAMES.map(|name| {
        assert!(answer.headers.get_all(name).iter().count() <= 1, "{name}");
        answer.header(name)
    })
}

#[actix_web::test]
async fn a_proxy_learns_who_it_is() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let id = street.house.memory().user("ada").id.to_string();
        let answer = browser.get(&street.at("verify")).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        assert_eq!(who(&answer), [Some(id.as_str()), Some(""), Some("ada"), Some("ada")], "all of them, empty or not");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        street.house.memory().user("ada").email = Some("jürgen%41@example.com".parse().unwrap());
        for answer in [browser.get(&street.at("verify")).await, browser.head(&street.at("verify?redirect=302")).await] {
            let email = "j%C3%BCrgen%2541@example.com";
            assert_eq!((answer.status, answer.body.as_str()), (204, ""));
            assert_eq!(who(&answer), [Some(id.as_str()), Some(email), Some("ada"), Some("ada")]);
        }
    }
}

#[actix_web::test]
async fn nothing_of_the_client_comes_back() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let mut stranger = street.browser();
        for browser in [&mut browser, &mut stranger] {
            browser.headers = NAMES.map(|name| (name, "eve".to_owned())).to_vec();
        }
        let answer = browser.get(&street.at("verify")).await;
        assert_eq!((answer.status, who(&answer)[1..].to_vec()), (204, vec![Some(""), Some("ada"), Some("ada")]));
        assert_ne!(who(&answer)[0], Some("eve"));
        for query in ["", "?redirect=302"] {
            let answer = stranger.get(&street.at(&format!("verify{query}"))).await;
            assert_eq!(who(&answer), [None; 4]);
            assert!(answer.status == 401 || answer.status == 302, "{}", answer.status);
            assert!(!format!("{:?}{}", answer.headers, answer.body).contains("eve"));
        }
    }
}

#[actix_web::test]
async fn a_visitor_without_a_cookie_costs_the_data_service_nothing() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        for query in ["", "?redirect=302"] {
            for _ in 0..5 {
                browser.get(&street.at(&format!("verify{query}"))).await;
            }
        }
        browser.plant("sessionid", "");
        assert_eq!(browser.get(&street.at("verify")).await.status, 401);
        assert_eq!(street.house.memory().nonces.len(), 0, "requests that were signed");
        browser.plant("sessionid", "nobody's");
        assert_eq!(browser.get(&street.at("verify")).await.status, 401);
        assert_eq!(street.house.memory().nonces.len(), 1, "a cookie is asked about");
        assert_eq!(browser.cookie("sessionid"), Some("nobody's"), "cookies are left alone");
    }
}

#[actix_web::test]
async fn a_visitor_is_told_where_to_log_in_and_comes_back() {
    for base in BASES {
        let street = Street::new(base).await;
        for header in ["x-original-uri", "x-forwarded-uri"] {
            let mut browser = street.browser();
            browser.headers = vec![(header, "/blog/a%20b?c=d&e=%C3%A9".into())];
            let login = street.at("login?next=%2Fblog%2Fa%2520b%3Fc%3Dd%26e%3D%25C3%25A9");
            let answer = browser.get(&street.at("verify")).await;
            assert_eq!((answer.status, answer.location()), (401, login.as_str()));
            assert!(answer.body.contains("Please log in") && answer.cookies().is_empty());
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let answer = browser.get(&street.at("verify?redirect=302")).await;
            assert_eq!((answer.status, answer.location(), answer.body.as_str()), (302, login.as_str(), ""));
            let form = browser.get(&login).await;
            assert_eq!(form.field("next"), "/blog/a%20b?c=d&e=%C3%A9");
        }
    }
}

#[actix_web::test]
async fn nobody_is_led_to_another_site_by_a_header() {
    for base in BASES {
        let street = Street::new(base).await;
        for evil in ["//evil.example", "https://evil.example/", "/\\evil.example", "/%2fevil.example", "/a\tb", "", "é"]
        {
            let mut browser = street.browser();
            browser.headers = vec![("x-forwarded-uri", evil.into()), ("x-forwarded-host", "evil.example".into())];
            for query in ["", "?redirect=302"] {
                let answer = browser.get(&street.at(&format!("verify{query}"))).await;
                assert_eq!(answer.location(), street.login_url(), "{evil:?}");
            }
        }
    }
}

#[actix_web::test]
async fn a_redirect_is_a_whole_url_where_one_is_known() {
    for base in BASES {
        let street = Street::with(base, |settings| settings.public_url = Some("https://example.com".into())).await;
        let mut browser = street.browser();
        // A proxy that takes the answer as it is would complete a mere path with our own address.
        let answer = browser.get(&street.at("verify?redirect=302")).await;
        assert_eq!(answer.location(), format!("https://example.com{}", street.login_url()));
        let answer = browser.get(&street.at("verify")).await;
        assert_eq!(answer.location(), street.login_url(), "nginx keeps the name by which somebody came");
    }
}

#[actix_web::test]
async fn a_logout_elsewhere_is_seen_by_the_next_request() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        for _ in 0..3 {
            assert_eq!(browser.get(&street.at("verify")).await.status, 204);
        }
        street.house.memory().end_session(browser.cookie("sessionid").unwrap());
        let answer = browser.get(&street.at("verify")).await;
        assert_eq!((answer.status, who(&answer)), (401, [None; 4]));
        assert!(answer.cookies().is_empty(), "a late answer takes no newer cookie away");
    }
}

#[actix_web::test]
async fn a_session_of_nobody_is_a_stranger() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    let session = browser.cookie("sessionid").unwrap().to_owned();
    street.house.memory().sessions.get_mut(&session).unwrap().user = None;
    assert_eq!(browser.get("/verify").await.status, 401);
}

#[actix_web::test]
async fn a_data_service_that_is_away_is_never_a_stranger() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        for query in ["", "?redirect=302"] {
            let path = street.at(&format!("verify{query}"));
            for (mood, status) in [
                (Mood::Away(30), 503),
                (Mood::Garbled, 503),
                (Mood::Throttling(3), 503),
                (Mood::Refusing(Code::ConsumerRevoked), 500),
                (Mood::Refusing(Code::Forbidden), 500),
            ] {
                street.house.mood(mood);
                let answer = browser.get(&path).await;
                assert_eq!((answer.status, who(&answer), answer.location()), (status, [None; 4], ""), "{mood:?}");
                assert_eq!(answer.header("retry-after").is_some(), status == 503);
                assert!(answer.cookies().is_empty());
            }
            street.house.mood(Mood::Well);
            assert_eq!(browser.get(&path).await.status, 204);
        }
        street.house.stop().await;
        assert_eq!(browser.get(&street.at("verify")).await.status, 503);
        assert_eq!(street.browser().get(&street.at("verify")).await.status, 401, "without a cookie nobody is asked");
    }
}

#[actix_web::test]
async fn other_methods_and_unknown_questions_let_nobody_through() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = browser.send(method, &street.at("verify"), None).await;
            assert_eq!((answer.status, answer.header("allow"), who(&answer)), (405, Some("GET, HEAD"), [None; 4]));
        }
        for query in ["redirect=303", "redirect=", "redirect=302&redirect=302", "redirect=https://evil.example"] {
            let answer = browser.get(&street.at(&format!("verify?{query}"))).await;
            assert_eq!((answer.status, who(&answer)), (400, [None; 4]), "{query}");
        }
        assert_eq!(browser.get(&street.at("verify/")).await.status, 404);
    }
}
