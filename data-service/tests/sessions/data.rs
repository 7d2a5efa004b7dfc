//! What services keep in a session.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    let id = visitor(&shop);
    let data = |wanted: Value| assert_eq!(resolve(&shop, &id).expect(200).json["data"], wanted);
    assert_eq!(save(&shop, &id, json!({ "own": { "a": { "b": 1, "c": 2 } } })).expect(200).json["version"], 2);
    assert_eq!(save(&shop, &id, json!({ "own": { "a": { "b": null, "d": [null] } } })).expect(200).json["version"], 3);
    save(&shop, &id, json!({ "shared": { "lang": "en" } })).expect(200);
    data(json!({ "own": { "a": { "c": 2, "d": [null] } }, "shared": { "lang": "en" } }));
    save(&shop, &id, json!({ "own": { "a": null }, "shared": {} })).expect(200);
    data(json!({ "own": {}, "shared": { "lang": "en" } }));
    save(&shop, &id, json!({ "own": { "x": 1 }, "shared": null })).expect(200);
    data(json!({ "own": { "x": 1 }, "shared": {} }));
}

#[test]
fn what_a_service_keeps_is_its_own() {
    let house = House::start();
    let (shop, blog) = (house.consumer("shop", SERVICE), house.consumer("blog", SERVICE));
    let second = house.consumer("shop", SERVICE);
    let id = visitor(&shop);
    save(&shop, &id, json!({ "own": { "cart": [1, 2] }, "shared": { "lang": "en" } })).expect(200);
    let seen = resolve(&blog, &id).expect(200);
    assert_eq!(seen.json["data"], json!({ "own": {}, "shared": { "lang": "en" } }));
    assert!(!seen.text.contains("cart"));
    save(&blog, &id, json!({ "own": { "cart": "mine" } })).expect(200);
    assert_eq!(
        resolve(&second, &id).expect(200).json["data"]["own"],
        json!({ "cart": [1, 2] }),
        "one service, two keys"
    );
}

/// Many services write to one session at once. None of what they write is lost, and none waits for a version.
#[test]
fn a_thousand_writes_at_once_are_all_there() {
    let house = House::start();
    let (shop, blog) = (house.consumer("shop", SERVICE), house.consumer("blog", SERVICE));
    let id = visitor(&shop);
    let next = AtomicUsize::new(0);
    let versions: Vec<i64> = std::thread::scope(|scope| {
        let write = || {
            let mut versions = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= 1000 {
                    return versions;
                }
                let consumer = if number.is_multiple_of(2) { &shop } else { &blog };
                let patch =
                    json!({ "shared": { format!("s{number}"): number }, "own": { format!("o{number}"): number } });
                versions.push(save(consumer, &id, patch).expect(200).json["version"].as_i64().unwrap());
            }
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(write)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut sorted = versions;
    sorted.sort_unstable();
    assert_eq!(sorted, (2..=1001).collect::<Vec<i64>>(), "one version for each write");
    let seen = resolve(&shop, &id).expect(200).json;
    assert_eq!(seen["version"], 1001);
    for number in 0..1000 {
        assert_eq!(seen["data"]["shared"][format!("s{number}")], number);
    }
    assert_eq!(seen["data"]["own"].as_object().unwrap().len(), 500);
    assert_eq!(resolve(&blog, &id).expect(200).json["data"]["own"].as_object().unwrap().len(), 500);
}

#[test]
fn a_version_that_is_over_is_refused_and_nothing_changes() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    let id = visitor(&shop);
    let save = |version: i64, a: i64| {
        let patch = json!({ "own": { "a": a } });
        shop.post("/sessions/save", json!({ "sessionid": id, "patch": patch, "version": version }))
    };
    save(1, 1).expect(200);
    save(1, 2).expect(412).refused("precondition_failed");
    save(3, 2).refused("precondition_failed");
    let seen = resolve(&shop, &id).expect(200).json;
    assert_eq!((&seen["data"]["own"]["a"], &seen["version"]), (&json!(1), &json!(2)));
    // Of many who have seen the same version, one may write.
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || save(2, 10 + n).status)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|status| *status == 200).count()
    });
    assert_eq!(won, 1);
}

#[test]
fn what_is_too_much_is_refused_in_words_and_changes_nothing() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    let id = visitor(&shop);
    save(&shop, &id, json!({ "own": { "a": 1 } })).expect(200);
    let half = "x".repeat(40_000);
    save(&shop, &id, json!({ "own": { "b": half } })).expect(200);
    let refused = save(&shop, &id, json!({ "own": { "c": half }, "shared": { "c": 1 } })).expect(413);
    assert!(refused.json["detail"].as_str().unwrap().contains("`own`"), "{}", refused.text);
    let deep = (0..40).fold(json!(1), |inner, _| json!({ "a": inner }));
    let refused = save(&shop, &id, json!({ "shared": deep })).expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "patch.shared", "{}", refused.text);
    // Deeper than a parser goes, and larger than a body may be.
    let bottomless =
        format!("{{\"sessionid\":\"{id}\",\"patch\":{{\"own\":{{\"a\":{}1{}}}}}}}", "[".repeat(5000), "]".repeat(5000));
    send_raw(&shop, "/sessions/save", bottomless.as_bytes()).refused("invalid");
    save(&shop, &id, json!({ "own": { "c": "x".repeat(1024 * 1024) } })).expect(413).refused("body_too_large");
    for wrong in [
        json!([]),
        json!("x"),
        json!(1),
        json!(null),
        json!({ "own": [] }),
        json!({ "own": "x" }),
        json!({ "other": {} }),
    ] {
        save(&shop, &id, wrong.clone()).refused("invalid");
    }
    for wrong in [
        json!({}),
        json!({ "sessionid": 1, "patch": {} }),
        json!({ "sessionid": id }),
        json!({ "sessionid": [id], "patch": {} }),
    ] {
        shop.post("/sessions/save", wrong).refused("invalid");
    }
    let version = json!({ "sessionid": id, "patch": {}, "version": "1" });
    shop.post("/sessions/save", version).refused("invalid");
    let seen = resolve(&shop, &id).expect(200).json;
    assert_eq!(seen["version"], 3);
    assert_eq!(seen["data"]["own"].as_object().unwrap().len(), 2);
    assert_eq!(seen["data"]["shared"], json!({}));
    let too_much = json!({ "data": { "own": { "a": "x".repeat(70_000) } } });
    shop.post("/sessions", too_much).expect(413);
}

fn send_raw(consumer: &Consumer, path: &str, body: &[u8]) -> Answer {
    let (now, nonce) = (common::now(), common::nonce());
    let signed = consumer.signed_at("POST", path, shared::oauth1::SignBody::Other(body), now, &nonce);
    signed.body("application/json", body).send(&consumer.url)
}

#[test]
fn keys_and_values_are_whatever_json_can_say() {
    let house = House::start();
    let shop = house.consumer("shop", SERVICE);
    let id = visitor(&shop);
    let odd = json!({
        "": 0, "*": 1, "shared": 2, "own": 3, "a.b": 4, "é\u{0}\u{1F600}": "\u{0}\u{7f}", "'; DROP TABLE sessions;--": true,
        "i": i64::MIN, "u": u64::MAX, "f": 0.1, "e": 1e300, "l": [[], {}, [null]], "false": false
    });
    save(&shop, &id, json!({ "own": odd, "shared": odd })).expect(200);
    let seen = resolve(&shop, &id).expect(200).json;
    assert_eq!((&seen["data"]["own"], &seen["data"]["shared"]), (&odd, &odd));
}
