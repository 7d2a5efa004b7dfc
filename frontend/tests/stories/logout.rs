//! Logging out, here and elsewhere.

use crate::house::Mood;
use crate::street::{BASES, Street};
use shared::error::Code;

#[actix_web::test]
async fn logging_out_ends_the_session_everywhere() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let account = browser.get(base).await;
        let answer = browser.post(&street.at("logout"), &[("csrf", account.csrf())]).await;
        assert_eq!((answer.status, answer.location()), (303, street.at("login").as_str()));
        assert!(
            answer
                .set_cookie("sessionid")
                .unwrap()
                .starts_with("sessionid=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0")
        );
        assert!(street.house.memory().sessions.is_empty());
        assert_eq!(browser.get(base).await.status, 303);
    }
}

#[actix_web::test]
async fn a_logout_that_fails_says_so_and_keeps_the_cookie() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let session = browser.cookie("sessionid").unwrap().to_owned();
        let account = browser.get(base).await;
        for (mood, status) in [(Mood::Away(30), 503), (Mood::Garbled, 503), (Mood::Refusing(Code::Forbidden), 500)] {
            street.house.mood(mood);
            let answer = browser.post(&street.at("logout"), &[("csrf", account.csrf())]).await;
            assert_eq!((answer.status, browser.cookie("sessionid")), (status, Some(session.as_str())));
            assert!(answer.body.contains("You are still logged in"), "{}", answer.body);
            assert_eq!(answer.header("retry-after").is_some(), status == 503);
            street.house.mood(Mood::Well);
            assert_eq!(browser.get(base).await.status, 200);
        }
        street.house.mood(Mood::Away(30));
        let form = browser.post(&street.at("logout"), &[("csrf", account.csrf())]).await;
        street.house.mood(Mood::Well);
        assert_eq!(browser.post(&street.at("logout"), &[("csrf", form.csrf())]).await.status, 303);
        assert_eq!(browser.cookie("sessionid"), None);
    }
}

#[actix_web::test]
async fn a_logout_elsewhere_is_noticed_at_the_next_page() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        assert_eq!(browser.get(base).await.status, 200);
        street.house.memory().end_session(browser.cookie("sessionid").unwrap());
        let answer = browser.get(base).await;
        assert_eq!((answer.status, answer.location()), (303, street.login_url().as_str()));
        assert_eq!(browser.cookie("sessionid"), None, "the cookie of a session that is over goes");
    }
}

#[actix_web::test]
async fn a_logout_between_two_questions_is_noticed_too() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    let token = street.house.memory().tokens[0].token.to_string();
    street.house.memory().dead.insert(token);
    let answer = browser.get("/").await;
    assert_eq!((answer.status, browser.cookie("sessionid")), (303, None));
    let asked = street.house.memory().done.iter().filter(|name| **name == "session.resolve").count();
    assert_eq!(asked, 2, "asked again before anybody was sent away");
}

#[actix_web::test]
async fn a_data_service_that_is_away_logs_nobody_out() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let session = browser.cookie("sessionid").unwrap().to_owned();
        for mood in [Mood::Away(30), Mood::Garbled, Mood::Throttling(3)] {
            street.house.mood(mood);
            let answer = browser.get(base).await;
            assert_eq!(answer.status, 503);
            assert!(answer.header("retry-after").is_some());
            assert!(answer.body.contains("Nobody has been logged out"), "{}", answer.body);
            assert!(answer.cookies().is_empty());
        }
        street.house.mood(Mood::Well);
        assert_eq!(browser.get(base).await.status, 200);
        street.house.stop().await;
        assert_eq!(browser.get(base).await.status, 503);
        assert_eq!(browser.cookie("sessionid"), Some(session.as_str()));
    }
}

#[actix_web::test]
async fn logging_out_twice_is_no_error() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    street.house.memory().end_session(browser.cookie("sessionid").unwrap());
    let form = street.browser().get("/login").await;
    assert_eq!(browser.post("/logout", &[("csrf", form.csrf())]).await.status, 403, "a form of another browser");
    let form = browser.get("/login").await;
    assert_eq!(browser.post("/logout", &[("csrf", form.csrf())]).await.status, 303);
    let form = browser.get("/login").await;
    assert_eq!(browser.post("/logout", &[("csrf", form.csrf())]).await.status, 303);
}
