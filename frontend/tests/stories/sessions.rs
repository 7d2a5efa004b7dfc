//! Seeing and ending logins.

use crate::house::Mood;
use crate::street::{BASES, Street};

#[actix_web::test]
async fn one_login_is_ended_and_the_others_stay() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let (mut phone, mut library) = (street.ada().await, street.ada().await);
        let page = browser.get(base).await;
        for wanted in
            ["This browser", "Another browser", ">3 hours ago</time>", ">5 minutes ago</time>", ">in 12 hours</time>"]
        {
            assert!(page.body.contains(wanted), "{wanted} is not in {}", page.body);
        }
        assert_eq!(page.body.matches("sessions/end\"").count(), 2, "a button for each but this one");
        let id = |street: &Street, cookie: &str| street.house.memory().sessions[cookie].id.to_string();
        let session = id(&street, library.cookie("sessionid").unwrap());
        let fields = [("csrf", page.csrf()), ("session", session)];
        let answer = browser.post(&street.at("sessions/end"), &fields).await;
        assert_eq!((answer.status, answer.location()), (303, street.at("?ended=login").as_str()));
        assert!(browser.get(answer.location()).await.body.contains("That login has been ended."));
        assert_eq!((phone.get(base).await.status, library.get(base).await.status), (200, 303));
        let answer = browser.post(&street.at("sessions/end"), &fields).await;
        assert_eq!(answer.location(), street.at("?ended=login"), "twice is no error");
    }
}

#[actix_web::test]
async fn all_others_are_ended_at_once() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        assert!(!browser.get(base).await.body.contains("End all others"), "there are none");
        let (mut phone, mut library) = (street.ada().await, street.ada().await);
        street.house.memory().add_user("eve", "correct horse");
        let mut eve = street.browser();
        street.log_in(&mut eve, "eve", "correct horse").await;
        let page = browser.get(base).await;
        assert!(page.body.contains("End all others"));
        let answer = browser.post(&street.at("sessions/others"), &[("csrf", page.csrf())]).await;
        assert_eq!((answer.status, answer.location()), (303, street.at("?ended=others").as_str()));
        assert!(browser.get(answer.location()).await.body.contains("All other logins have been ended."));
        assert_eq!((phone.get(base).await.status, library.get(base).await.status), (303, 303));
        assert_eq!((browser.get(base).await.status, eve.get(base).await.status), (200, 200));
    }
}

#[actix_web::test]
async fn the_login_of_this_browser_ends_by_logging_out() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    let session = street.house.memory().sessions.values().next().unwrap().id.to_string();
    let csrf = browser.get("/").await.csrf();
    let answer = browser.post("/sessions/end", &[("csrf", csrf), ("session", session)]).await;
    assert_eq!((answer.location(), browser.cookie("sessionid")), ("/login", None));
    assert!(street.house.memory().sessions.is_empty());
}

#[actix_web::test]
async fn no_login_is_ended_for_strangers_nor_while_the_data_service_is_away() {
    for base in BASES {
        let street = Street::new(base).await;
        let (mut browser, other) = (street.ada().await, street.ada().await);
        let session = street.house.memory().sessions[other.cookie("sessionid").unwrap()].id.to_string();
        let csrf = browser.get(base).await.csrf();
        street.house.mood(Mood::Away(5));
        let fields = [("csrf", csrf.clone()), ("session", session.clone())];
        assert_eq!(browser.post(&street.at("sessions/end"), &fields).await.status, 503);
        assert_eq!(browser.post(&street.at("sessions/others"), &[("csrf", csrf.clone())]).await.status, 503);
        street.house.mood(Mood::Well);
        let mut stranger = street.browser();
        let theirs = stranger.get(&street.at("login")).await.csrf();
        for page in ["sessions/end", "sessions/others"] {
            let fields = [("csrf", theirs.clone()), ("session", session.clone())];
            assert_eq!(stranger.post(&street.at(page), &fields).await.location(), street.login_url());
            let fields = [("csrf", "made up".to_owned()), ("session", session.clone())];
            let answer = browser.post(&street.at(page), &fields).await;
            assert!(answer.status == 403 && answer.body.contains("Nothing was ended"));
        }
        for bad in ["", "a b", "../users/me", "é"] {
            let fields = [("csrf", csrf.as_str()), ("session", bad)];
            assert_eq!(browser.post(&street.at("sessions/end"), &fields).await.status, 400, "{bad}");
        }
        assert_eq!(street.house.memory().sessions.len(), 2);
    }
}

#[actix_web::test]
async fn a_long_list_of_logins_is_cut_off_in_words() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    street.ada().await;
    street.house.memory().page = 1;
    assert!(browser.get("/").await.body.contains("There are more, older ones."));
}
