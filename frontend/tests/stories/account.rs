//! The account page.

use crate::street::{BASES, Street};
use shared::timestamp::Timestamp;

#[actix_web::test]
async fn says_who_somebody_is_and_where_they_are_logged_in() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        {
            let mut memory = street.house.memory();
            memory.user("ada").name = Some("Ada Lovelace".into());
            memory.user("ada").email = Some("ada@example.com".parse().unwrap());
            memory.add_token("shop", "Shop front", None);
            memory.add_token("blog", "Blog workers", None);
            let now = crate::house::now();
            memory.tokens[0].last_used_at = Some(Timestamp::from_seconds(now - 2 * 3600 - 5));
        }
        let page = browser.get(base).await;
        for wanted in [
            "Hello, Ada Lovelace",
            "ada@example.com",
            "<time datetime=\"2023-11-14T22:13:20Z\" title=\"14 November 2023, 22:13 UTC\">14 November 2023</time>",
            "<h3>accounts</h3>",
            "<h3>blog</h3>",
            "Blog workers",
            ">2 hours ago</time>",
            ">3 days ago</time>",
            ">in 11 days</time>",
            "Shop front",
            "Never used",
            "In use now",
            "this page",
            "without a login",
            "Ends when you log out",
        ] {
            assert!(page.body.contains(wanted), "{wanted} is not in {}", page.body);
        }
        assert_eq!(page.body.matches("tokens/end\"").count(), 2, "a button for each but this page's own");
    }
}

#[actix_web::test]
async fn what_people_call_themselves_is_text_and_never_markup() {
    for base in BASES {
        let street = Street::new(base).await;
        let mut browser = street.ada().await;
        let evil = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>";
        street.house.memory().user("ada").name = Some(evil.into());
        street.house.memory().add_token("blog", evil, None);
        let page = browser.get(base).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{}", page.body);
        assert_eq!(page.body.matches("&#60;script&#62;alert(1)").count(), 4, "greeting, name, label and button");
        let answer = street.log_in(&mut street.browser(), evil, "x").await;
        assert_eq!((answer.status, answer.field("username").as_str()), (401, evil.replace('\'', "&#39;").as_str()));
        assert!(!answer.body.contains("<script") && !answer.body.contains("<img"));
        let answer = street.browser().get(&street.at("login?next=%22%3E%3Cscript%3E")).await;
        assert!(!answer.body.contains("<script"));
    }
}

#[actix_web::test]
async fn a_user_without_tokens_or_without_the_right_to_see_them_has_a_page_too() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    street.house.memory().page = 0;
    assert!(browser.get("/").await.body.contains("No service holds an access"));
    for forbidden in ["token.list", "session.list"] {
        street.house.memory().forbidden = Some(forbidden);
        let page = browser.get("/").await;
        assert_eq!((page.status, page.body.matches("You may not see this list.").count()), (200, 1));
    }
}

#[actix_web::test]
async fn a_long_list_is_followed_to_its_end_or_cut_off_in_words() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    for number in 0..9 {
        street.house.memory().add_token("blog", &format!("worker {number}"), None);
    }
    street.house.memory().page = 2;
    let page = browser.get("/").await.body;
    assert!((0..9).all(|number| page.contains(&format!("worker {number} <"))), "{page}");
    assert!(!page.contains("There are more"));
    street.house.memory().add_token("blog", "one more", None);
    assert!(browser.get("/").await.body.contains("There are more"));
}

#[actix_web::test]
async fn a_session_without_a_user_is_left_alone() {
    let street = Street::new("/").await;
    let mut browser = street.ada().await;
    let session = browser.cookie("sessionid").unwrap().to_owned();
    street.house.memory().sessions.get_mut(&session).unwrap().user = None;
    let answer = browser.get("/").await;
    assert_eq!((answer.status, browser.cookie("sessionid")), (303, Some(session.as_str())));
}
