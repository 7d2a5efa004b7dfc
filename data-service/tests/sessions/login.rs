//! What becomes of a visitor's session when they sign in.

use super::*;

fn sign_in(consumer: &Consumer, name: &str, before: &str) -> Answer {
    let body = json!({ "username": name, "password": "correct horse battery", "sessionid": before });
    consumer.post("/authenticate", body)
}

#[test]
fn what_a_visitor_has_is_carried_into_their_login() {
    let house = House::start();
    let (shop, blog) = (house.consumer("shop", SERVICE), house.consumer("blog", SERVICE));
    person(&house, "ada");
    let before = visitor(&shop);
    save(&shop, &before, json!({ "own": { "cart": [1] }, "shared": { "lang": "en" } })).expect(200);
    save(&blog, &before, json!({ "own": { "draft": 1 } })).expect(200);
    let after = text(&sign_in(&shop, "ada", &before).expect(200), "sessionid");
    assert_ne!(after, before, "a planted id is worth nothing");
    resolve(&shop, &before).refused("not_found");
    let seen = resolve(&shop, &after).expect(200).json;
    assert_eq!(seen["data"], json!({ "own": { "cart": [1] }, "shared": { "lang": "en" } }));
    assert_eq!(seen["user"]["username"], "ada");
    assert_eq!(resolve(&blog, &after).expect(200).json["data"]["own"], json!({ "draft": 1 }));
}

#[test]
fn what_belongs_to_one_person_never_gets_to_another() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    person(&house, "ada");
    person(&house, "bob");
    let bobs = login(&shop, "bob");
    save(&shop, &bobs, json!({ "own": { "secret": 1 }, "shared": { "secret": 2 } })).expect(200);
    let adas = text(&sign_in(&shop, "ada", &bobs).expect(200), "sessionid");
    assert_eq!(resolve(&shop, &adas).expect(200).json["data"], json!({ "own": {}, "shared": {} }));
    // In that browser nobody looks after it any more.
    resolve(&shop, &bobs).refused("not_found");
}

#[test]
fn a_login_that_fails_leaves_the_session_alone() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    person(&house, "ada");
    let before = visitor(&shop);
    save(&shop, &before, json!({ "own": { "cart": 1 } })).expect(200);
    let wrong = json!({ "username": "ada", "password": "wrong", "sessionid": before });
    shop.post("/authenticate", wrong).refused("invalid_credentials");
    assert_eq!(resolve(&shop, &before).expect(200).json["data"]["own"], json!({ "cart": 1 }));
}

#[test]
fn a_login_does_not_mind_a_session_that_is_not_there() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    person(&house, "ada");
    for before in ["", "x", &"y".repeat(500), &"A".repeat(43)] {
        sign_in(&shop, "ada", before).expect(200);
    }
}

/// Two logins at once with the same visitor's session: what lies in it goes to one of them.
#[test]
fn what_a_visitor_has_is_carried_over_once() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    person(&house, "ada");
    let before = visitor(&shop);
    save(&shop, &before, json!({ "own": { "cart": 1 } })).expect(200);
    let sessions: Vec<String> = std::thread::scope(|scope| {
        let login = || {
            loop {
                let answer = sign_in(&shop, "ada", &before);
                if answer.status == 200 {
                    return text(&answer, "sessionid");
                }
                // Logins at the same moment look like guesses.
                answer.refused("throttled");
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(login)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let full = |id: &&String| resolve(&shop, id).expect(200).json["data"]["own"] == json!({ "cart": 1 });
    assert_eq!(sessions.iter().filter(full).count(), 1);
}
