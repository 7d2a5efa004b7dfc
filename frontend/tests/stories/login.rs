//! Logging in.

use crate::house::Mood;
use crate::street::{BASES, Street};
use shared::error::Code;

#[actix_web::test]
async fn a_visitor_is_sent_to_the_form_and_back() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        let answer = browser.get(base).await;
        assert_eq!((answer.status, answer.location()), (303, street.login_url().as_str()));
        let form = browser.get(&street.login_url()).await;
        assert_eq!((form.status, form.field("next").as_str()), (200, base));
        let fields = [("csrf", form.csrf()), ("next", form.field("next"))];
        let mut fields: Vec<(&str, String)> = fields.into();
        fields.extend([("username", " ada ".into()), ("password", "correct horse".into())]);
        let answer = browser.post(&street.at("login"), &fields).await;
        assert_eq!((answer.status, answer.location()), (303, base));
        let account = browser.get(base).await;
        assert_eq!(account.status, 200);
        assert!(account.body.contains("Hello, ada"), "{}", account.body);
        assert!(street.house.memory().refused.is_empty(), "every request was signed well");
    }
}

#[actix_web::test]
async fn one_sentence_for_every_reason() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut sentences = Vec::new();
        for (name, password) in [("ada", "wrong"), ("nobody", "correct horse"), ("", ""), ("ada", ""), ("a@b@c", "x")] {
            let mut browser = street.browser();
            let answer = street.log_in(&mut browser, name, password).await;
            assert_eq!((answer.status, browser.cookie("sessionid")), (401, None));
            let (_, sentence) = answer.body.split_once("role=\"alert\">").unwrap();
            sentences.push(sentence.split_once("</p>").unwrap().0.to_owned());
            assert!(answer.body.contains("aria-describedby=\"problem\""));
            assert_eq!(answer.field("username"), name);
        }
        sentences.dedup();
        assert_eq!(sentences.len(), 1, "{sentences:?}");
    }
}

#[actix_web::test]
async fn what_the_data_service_finds_malformed_is_wrong_too() {
    let street = Street::new("/").await;
    let mut browser = street.browser();
    street.house.mood(Mood::Refusing(Code::Invalid));
    assert_eq!(street.log_in(&mut browser, "ada", "x").await.status, 401);
}

#[actix_web::test]
async fn too_many_attempts_say_how_long_to_wait() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        street.house.mood(Mood::Throttling(120));
        let answer = street.log_in(&mut browser, "ada", "correct horse").await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("120")));
        assert!(answer.body.contains("Please wait 2 minutes"), "{}", answer.body);
    }
}

#[actix_web::test]
async fn a_data_service_that_is_away_is_said_in_plain_words() {
    for base in BASES {
        let street = Street::new(base).await;
        for mood in [Mood::Away(7), Mood::Garbled] {
            let mut browser = street.browser();
            street.house.mood(mood);
            let answer = street.log_in(&mut browser, "ada", "correct horse").await;
            assert_eq!((answer.status, browser.cookie("sessionid")), (503, None));
            let wanted = if mood == Mood::Away(7) { "7" } else { "10" };
            assert_eq!(answer.header("retry-after"), Some(wanted));
        }
    }
}

#[actix_web::test]
async fn the_form_itself_needs_no_data_service() {
    let street = Street::new("/").await;
    street.house.stop().await;
    let mut browser = street.browser();
    browser.plant("sessionid", "something");
    assert_eq!(browser.get("/login").await.status, 200);
    assert_eq!(street.log_in(&mut browser, "ada", "correct horse").await.status, 503);
    assert_eq!(browser.cookie("sessionid"), Some("something"), "nobody is logged out");
}

#[actix_web::test]
async fn a_frontend_that_is_not_let_in_says_that_it_is_its_own_fault() {
    let street = Street::with("/", |settings| settings.consumer.secret = shared::secret::Secret::new("wrong")).await;
    let mut browser = street.browser();
    assert_eq!(street.log_in(&mut browser, "ada", "correct horse").await.status, 500);
}

#[actix_web::test]
async fn nobody_is_led_to_another_site() {
    for base in BASES {
        let street = Street::new(base).await;
        for (next, wanted) in [
            ("/blog/?a=b%20c#d", "/blog/?a=b%20c#d"),
            ("https://evil.example/", base),
            ("//evil.example/", base),
            ("/\\evil.example", base),
            ("/%2Fevil.example", base),
            ("/%5Cevil.example", base),
            ("/\t/evil.example", base),
            ("/a\r\nSet-Cookie: x=y", base),
            ("javascript:alert(1)", base),
            ("", base),
        ] {
            let mut browser = street.browser();
            let encoded = serde_urlencoded::to_string([("next", next)]).unwrap();
            let form = browser.get(&street.at(&format!("login?{encoded}"))).await;
            assert_eq!(form.field("next"), wanted, "in the form, for {next:?}");
            let fields = [("csrf", form.csrf()), ("next", next.into()), ("username", "ada".into())];
            let mut fields: Vec<(&str, String)> = fields.into();
            fields.push(("password", "correct horse".into()));
            let answer = browser.post(&street.at("login"), &fields).await;
            assert_eq!((answer.status, answer.location()), (303, wanted), "after the login, for {next:?}");
        }
    }
}

#[actix_web::test]
async fn a_planted_session_is_not_adopted() {
    for base in BASES {
        let street = Street::new(base).await;
        let planted = street.ada().await.cookie("sessionid").unwrap().to_owned();
        let mut browser = street.browser();
        browser.plant("sessionid", &planted);
        assert_eq!(street.log_in(&mut browser, "ada", "correct horse").await.status, 303);
        assert_ne!(browser.cookie("sessionid"), Some(planted.as_str()));
        assert!(!street.house.memory().sessions.contains_key(&planted), "the one before the login is over");
        let mut attacker = street.browser();
        attacker.plant("sessionid", &planted);
        assert_eq!(attacker.get(base).await.status, 303);
        let mut browser = street.browser();
        browser.plant("sessionid", "made-up");
        assert_eq!(street.log_in(&mut browser, "ada", "correct horse").await.status, 303);
        assert_ne!(browser.cookie("sessionid"), Some("made-up"));
    }
}

#[actix_web::test]
async fn a_visitor_brings_their_session_along() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        street.log_in(&mut browser, "ada", "correct horse").await;
        let mut browser = street.browser();
        browser.plant("sessionid", "a-visitor");
        street.log_in(&mut browser, "ada", "correct horse").await;
        let logins = street.house.memory().logins.clone();
        assert_eq!(logins, [(None, false), (Some("a-visitor".into()), false)]);
    }
}

#[actix_web::test]
async fn a_browser_remembers_if_it_is_told_to() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        let form = browser.get(&street.at("login")).await;
        assert!(!form.body.contains(" checked"), "nobody is remembered without being asked");
        let mut fields = vec![("csrf", form.csrf()), ("username", "ada".into()), ("remember", "1".into())];
        fields.push(("password", "wrong".into()));
        let again = browser.post(&street.at("login"), &fields).await;
        assert!(again.status == 401 && again.body.contains(" checked"), "the box stays ticked");
        fields.pop();
        fields.push(("password", "correct horse".into()));
        let answer = browser.post(&street.at("login"), &fields).await;
        let cookie = answer.set_cookie("sessionid").unwrap();
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=34560000"), "{cookie}");
        assert_eq!(street.house.memory().logins.last().unwrap(), &(None, true));
    }
}

#[actix_web::test]
async fn cookies_are_as_careful_as_the_place_allows() {
    for base in BASES {
        for (public_url, end) in [(None, ""), (Some("https://example.com"), "; Secure")] {
            let street = Street::with(base, |settings| settings.public_url = public_url.map(Into::into)).await;
            let mut browser = street.browser();
            let form = browser.get(&street.at("login")).await;
            let cookie = form.set_cookie("csrf").unwrap();
            assert_eq!(cookie.split_once(';').unwrap().1, format!(" HttpOnly; SameSite=Lax{end}; Path={base}"));
            let answer = street.log_in(&mut browser, "ada", "correct horse").await;
            let cookie = answer.set_cookie("sessionid").unwrap();
            assert_eq!(cookie.split_once(';').unwrap().1, format!(" HttpOnly; SameSite=Lax{end}; Path=/"));
            let cookie = answer.set_cookie("device").unwrap();
            let wanted = format!(" HttpOnly; SameSite=Lax{end}; Path={base}login; Max-Age=15552000");
            assert_eq!(cookie.split_once(';').unwrap().1, wanted);
            assert!(answer.body.is_empty());
        }
    }
}

#[actix_web::test]
async fn a_device_is_remembered_and_an_address_is_told() {
    for base in BASES {
        let proxy = "127.0.0.1".parse().unwrap();
        let street = Street::with(base, |settings| settings.trusted_proxies = vec![proxy]).await;
        let mut browser = street.browser();
        browser.headers.push(("x-forwarded-for", "6.6.6.6, 203.0.113.9".into()));
        street.log_in(&mut browser, "ada", "correct horse").await;
        let device = browser.cookie("device").unwrap().to_owned();
        let form = browser.get(base).await;
        browser.post(&street.at("logout"), &[("csrf", form.csrf())]).await;
        assert_eq!((browser.cookie("sessionid"), browser.cookie("device")), (None, Some(device.as_str())));
        browser.headers.clear();
        street.log_in(&mut browser, "ada", "wrong").await;
        let memory = street.house.memory();
        let told: Vec<_> = memory.clients.iter().map(|c| (c.address.unwrap().to_string(), c.device.clone())).collect();
        assert_eq!(told[0], ("203.0.113.9".into(), None));
        assert_eq!(told[1].0, "127.0.0.1");
        assert_eq!(told[1].1.as_ref().unwrap().expose(), device);
    }
}

#[actix_web::test]
async fn strangers_cannot_say_where_they_come_from() {
    let street = Street::new("/").await;
    let mut browser = street.browser();
    browser.headers.push(("x-forwarded-for", "203.0.113.9".into()));
    street.log_in(&mut browser, "ada", "wrong").await;
    assert_eq!(street.house.memory().clients[0].address.unwrap().to_string(), "127.0.0.1");
}
