//! Making the first administrator.

use crate::browser::{Answer, Browser};
use crate::house::{LINK, Mood};
use crate::street::{BASES, Street};

async fn claim(street: &Street, browser: &mut Browser, fields: &[(&str, &str)]) -> Answer {
    let form = browser.get(&street.at(&format!("setup?link={LINK}"))).await;
    assert_eq!((form.status, form.field("link").as_str()), (200, LINK));
    let csrf = form.csrf();
    let mut all = vec![("csrf", csrf.as_str()), ("link", LINK)];
    all.extend(fields);
    browser.post(&street.at("setup"), &all).await
}

const GRACE: [(&str, &str); 3] = [("username", "grace"), ("email", ""), ("password", "battery staple")];

#[actix_web::test]
async fn the_link_makes_one_administrator_and_no_second() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        let answer = claim(&street, &mut browser, &GRACE).await;
        assert_eq!((answer.status, answer.location()), (303, street.at("login?made=1").as_str()));
        let login = browser.get(answer.location()).await;
        assert!(login.body.contains("The administrator has been created."), "{}", login.body);
        assert_eq!(street.log_in(&mut browser, "grace", "battery staple").await.status, 303);
        let mut other = street.browser();
        let answer = claim(&street, &mut other, &[("username", "eve"), ("password", "battery staple")]).await;
        assert_eq!(answer.status, 410);
        assert!(answer.body.contains("countersign up"), "{}", answer.body);
        assert!(!street.house.memory().users.contains_key("eve"));
    }
}

#[actix_web::test]
async fn what_is_wrong_stands_at_its_field_and_the_rest_is_kept() {
    for base in BASES {
        let street = Street::new(base).await;
        for (fields, wanted) in [
            ([("username", "a b"), ("email", ""), ("password", "battery staple")], "1 to 64 of the characters"),
            ([("username", "grace"), ("email", "grace@"), ("password", "battery staple")], "An e-mail address such as"),
            ([("username", "grace"), ("email", "g@example.com"), ("password", "short")], "At least 8 bytes."),
        ] {
            let mut browser = street.browser();
            let answer = claim(&street, &mut browser, &fields).await;
            assert_eq!(answer.status, 422);
            assert!(answer.body.contains(wanted) && answer.body.contains("aria-invalid"), "{}", answer.body);
            assert_eq!((answer.field("username"), answer.field("email")), (fields[0].1.into(), fields[1].1.into()));
            assert!(!answer.body.contains(fields[2].1), "a password is never shown again");
        }
        let mut browser = street.browser();
        let answer = claim(&street, &mut browser, &[("username", "ada"), ("password", "battery staple")]).await;
        assert_eq!(answer.status, 409);
    }
}

#[actix_web::test]
async fn a_link_that_is_missing_or_refused_is_explained() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.browser();
        for page in ["setup", "setup?link="] {
            let answer = browser.get(&street.at(page)).await;
            assert_eq!(answer.status, 404);
            assert!(answer.body.contains("This link is used up"));
        }
        street.house.mood(Mood::Away(5));
        assert_eq!(claim(&street, &mut browser, &GRACE).await.status, 503);
        street.house.mood(Mood::Throttling(60));
        assert_eq!(claim(&street, &mut browser, &GRACE).await.status, 429);
        street.house.mood(Mood::Well);
        assert_eq!(claim(&street, &mut browser, &GRACE).await.status, 303);
    }
}
