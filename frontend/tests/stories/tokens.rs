//! Ending one access.

use crate::house::Mood;
use crate::street::{BASES, Street};

#[actix_web::test]
async fn one_is_ended_and_the_others_stay() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let keep = street.house.memory().add_token("blog", "Keep", None);
        let end = street.house.memory().add_token("shop", "End", None);
        let csrf = browser.get(base).await.csrf();
        let fields = [("csrf", csrf.as_str()), ("token", &end)];
        let answer = browser.post(&street.at("tokens/end"), &fields).await;
        assert_eq!((answer.status, answer.location()), (303, street.at("?ended=1").as_str()));
        let page = browser.get(answer.location()).await.body;
        assert!(page.contains("That access has been ended.") && page.contains("Keep") && !page.contains("shop"));
        assert!(street.house.memory().tokens.iter().any(|token| token.token.as_str() == keep));
        let answer = browser.post(&street.at("tokens/end"), &fields).await;
        assert_eq!(answer.location(), street.at("?ended=1"), "twice is no error");
    }
}

#[actix_web::test]
async fn the_pages_own_access_ends_by_logging_out() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    let own = street.house.memory().tokens[0].token.to_string();
    let csrf = browser.get("/").await.csrf();
    let answer = browser.post("/tokens/end", &[("csrf", csrf), ("token", own)]).await;
    assert_eq!((answer.location(), browser.cookie("sessionid")), ("/login", None));
    assert!(street.house.memory().sessions.is_empty());
}

#[actix_web::test]
async fn nothing_is_ended_for_strangers_nor_while_the_data_service_is_away() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let token = street.house.memory().add_token("blog", "Keep", None);
        let csrf = browser.get(base).await.csrf();
        let fields = [("csrf", csrf), ("token", token.clone())];
        street.house.mood(Mood::Away(5));
        assert_eq!(browser.post(&street.at("tokens/end"), &fields).await.status, 503);
        street.house.mood(Mood::Well);
        let mut stranger = street.browser();
        let csrf = stranger.get(&street.at("login")).await.csrf();
        let answer = stranger.post(&street.at("tokens/end"), &[("csrf", csrf), ("token", token)]).await;
        assert_eq!(answer.location(), street.login_url());
        let csrf = browser.get(base).await.csrf();
        for bad in ["", "a b", "../users/me", "é"] {
            let fields = [("csrf", csrf.as_str()), ("token", bad)];
            assert_eq!(browser.post(&street.at("tokens/end"), &fields).await.status, 400, "{bad}");
        }
        assert_eq!(street.house.memory().tokens.len(), 2);
    }
}
