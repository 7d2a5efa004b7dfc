//! Two at once: whatever a transaction has read still holds when it writes, however many processes there are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Answer, Consumer, House, Neighbour, Raw};
use data_service::Operator;
use serde_json::json;
use shared::command::{CreateUser, RotateConsumer, SetPassword, UpdateUser};
use shared::id::UserRef;
use shared::secret::Secret;
use std::sync::Barrier;

/// Sends requests at the same moment, each to a service of its own as far as there are some.
fn at_once(requests: Vec<(String, Raw)>) -> Vec<Answer> {
    let barrier = Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let send = |(url, raw): (String, Raw)| {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                raw.send(&url)
            })
        };
        let threads: Vec<_> = requests.into_iter().map(send).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A service, and on PostgreSQL another one on the same database.
struct Street {
    // Ends before the house does, whose runtime it runs on.
    neighbour: Option<Neighbour>,
    house: House,
}

impl Street {
    fn new() -> Self {
        let house = House::start();
        let neighbour = house.ground.is_postgres().then(|| house.neighbour());
        Self { neighbour, house }
    }

    /// A consumer, at the door with this number.
    fn at(&self, consumer: &Consumer, number: usize) -> Consumer {
        let neighbour = self.neighbour.as_ref().filter(|_| !number.is_multiple_of(2));
        let mut consumer = consumer.clone();
        consumer.url = neighbour.map_or(&self.house.url, |neighbour| &neighbour.url).clone();
        consumer
    }

    /// The same kind of request from many, at the same moment.
    fn rush(&self, consumer: &Consumer, count: usize, request: impl Fn(&Consumer, usize) -> Raw) -> Vec<Answer> {
        let request = |number| {
            let consumer = self.at(consumer, number);
            (consumer.url.clone(), request(&consumer, number))
        };
        at_once((0..count).map(request).collect())
    }
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[test]
fn no_change_to_a_profile_is_lost() {
    let street = Street::new();
    let blog = street.house.consumer("blog", &["users.#"]);
    let path = format!("/users/{}/profile", street.house.user("ada", "correct horse").id);
    for round in 0..4 {
        let answers = street.rush(&blog, 8, |blog, number| {
            blog.signed_json("PATCH", &path, &json!({ format!("{round}-{number}"): true }))
        });
        assert_eq!(count(&answers, 200), 8, "{answers:?}");
    }
    let answer = blog.get(&path).expect(200);
    assert_eq!(answer.json.as_object().unwrap().len(), 32, "{}", answer.text);
    assert_eq!(answer.header("etag"), Some("\"32\""));
}

#[test]
fn a_version_is_matched_once() {
    let street = Street::new();
    let blog = street.house.consumer("blog", &["users.#"]);
    let path = format!("/users/{}/profile", street.house.user("ada", "correct horse").id);
    blog.send("PUT", &path, &json!({})).expect(200);
    for version in 1..5 {
        let answers = street.rush(&blog, 8, |blog, number| {
            let raw = blog.signed_json("PUT", &path, &json!({ "by": number }));
            raw.header("If-Match", &format!("\"{version}\""))
        });
        assert_eq!((count(&answers, 200), count(&answers, 412)), (1, 7), "{answers:?}");
    }
}

#[test]
fn no_change_to_a_user_is_lost() {
    let street = Street::new();
    let admin = street.house.admin();
    let ada = street.house.user("ada", "correct horse");
    let path = format!("/users/{}", ada.id);
    for round in 0..6 {
        let answers = street.rush(&admin, 2, |admin, number| {
            let field = ["name", "email"][number];
            admin.signed_json("PATCH", &path, &json!({ field: format!("{round}@example.com") }))
        });
        assert_eq!(count(&answers, 200), 2, "{answers:?}");
        let user = admin.get(&path).json;
        let wanted = format!("{round}@example.com");
        assert_eq!((&user["name"], &user["email"]), (&json!(wanted), &json!(wanted)));
        assert_eq!(user["version"], 3 + 2 * round);
    }
}

#[test]
fn a_name_is_given_once() {
    let street = Street::new();
    let admin = street.house.admin();
    let answers = street.rush(&admin, 8, |admin, number| {
        let name = ["Ada", "ada"][number % 2];
        admin.signed_json("POST", "/users", &json!({ "username": name }))
    });
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 7), "{answers:?}");
}

#[test]
fn a_link_makes_one_administrator() {
    let street = Street::new();
    let frontend = street.house.consumer("frontend", &["setup.claim"]);
    let link = street.house.runtime.block_on(street.house.operator.setup_link()).unwrap().unwrap();
    let answers = street.rush(&frontend, 6, |frontend, number| {
        let claim = json!({ "link": link, "username": format!("root{number}"), "password": "correct horse battery" });
        frontend.signed_json("POST", "/setup", &claim)
    });
    assert_eq!((count(&answers, 201), count(&answers, 410)), (1, 5), "{answers:?}");
}

#[test]
fn no_more_secrets_are_alive_than_may_be() {
    let street = Street::new();
    let admin = street.house.admin();
    let blog = street.house.consumer("blog", &[]);
    let path = format!("/consumers/{}", blog.key());
    let answers = street.rush(&admin, 8, |admin, _| {
        admin.signed_json("POST", &format!("{path}/secrets"), &json!({ "overlap_seconds": 60 }))
    });
    assert_eq!((count(&answers, 201), count(&answers, 409)), (3, 5), "{answers:?}");
    assert_eq!(admin.get(&path).json["secrets"].as_array().unwrap().len(), 4);
}

#[test]
fn a_session_has_one_token_for_each_service() {
    let street = Street::new();
    let frontend = street.house.consumer("frontend", &["authenticate", "sessions.resolve"]);
    let blog = street.house.consumer("blog", &["sessions.resolve"]);
    street.house.user("ada", "correct horse");
    for _ in 0..4 {
        let (_, login) = frontend.sign_in("ada", "correct horse");
        let answers = street.rush(&blog, 8, |blog, _| {
            blog.signed_json("POST", "/sessions/resolve", &json!({ "sessionid": login.json["sessionid"] }))
        });
        assert_eq!(count(&answers, 200), 8, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.json["token"] == answers[0].json["token"]), "{answers:?}");
    }
}

#[test]
fn guesses_at_several_doors_all_count() {
    let street = Street::new();
    let frontend = street.house.consumer("frontend", &["authenticate"]);
    street.house.user("ada", "correct horse");
    let guess = json!({ "username": "ada", "password": "wrong" });
    let answers = street.rush(&frontend, 16, |frontend, _| frontend.signed_json("POST", "/authenticate", &guess));
    assert_eq!((count(&answers, 401), count(&answers, 429)), (6, 10), "{answers:?}");
}

/// The operator's commands are a process of their own, beside the service.
#[test]
fn operators_at_once_lose_nothing() {
    let house = House::start();
    let ada = house.user("ada", "correct horse");
    let blog = house.consumer("blog", &[]);
    let operators: Vec<Operator> =
        (0..4).map(|_| house.runtime.block_on(Operator::open(&house.settings)).unwrap()).collect();
    house.runtime.block_on(async {
        let work = operators.iter().enumerate().map(async |(number, operator)| {
            for round in 0..3 {
                let name = Some(Some(format!("{number}-{round}")));
                let patch = shared::command::UserPatch { name, ..Default::default() };
                operator.call(UpdateUser { id: UserRef::Id(ada.id), patch, if_match: None }).await.unwrap();
            }
            let twin =
                CreateUser { username: "twin".parse().unwrap(), email: None, name: None, password: None, access: None };
            let made = operator.call(twin).await.is_ok();
            let rotated = operator.call(RotateConsumer { key: blog.key(), overlap_seconds: Some(60) }).await.is_ok();
            let password = Secret::new(format!("correct horse {number}"));
            let set = SetPassword { id: UserRef::Id(ada.id), password, current_password: None };
            let set = operator.call(set).await.is_ok();
            (made, rotated, set)
        });
        let done = futures_util::future::join_all(work).await;
        assert_eq!(done.iter().filter(|done| done.0).count(), 1, "one twin");
        assert_eq!(done.iter().filter(|done| done.1).count(), 3, "three secrets beside the first");
        assert!(done.iter().any(|done| done.2), "a password");
    });
    let admin = house.admin();
    let passwords = u64::from(admin.get(&format!("/users/{}", ada.id)).json["version"].as_u64().unwrap() > 13);
    assert_eq!(passwords, 1, "every change of the name counted, and a password at least");
}
