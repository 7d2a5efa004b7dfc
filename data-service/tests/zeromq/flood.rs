//! Many at once, and those who do not read.

use crate::client::sign;
use crate::common::Consumer;
use crate::{Client, house, house_with};
use omq_tokio::{Options, SocketType};
use serde_json::json;

#[test]
fn thirty_two_clients_come_and_go() {
    let house = house();
    let blog = house.consumer("blog", &[]);
    std::thread::scope(|scope| {
        for number in 0..32_usize {
            let (house, blog) = (&house, &blog);
            scope.spawn(move || {
                let kind = if number.is_multiple_of(2) { SocketType::Req } else { SocketType::Dealer };
                for _ in 0..3 {
                    let client = Client::with(house, kind, Options::default(), &house.zeromq[0]);
                    for request in 0..10 {
                        let body = json!({ "number": number, "request": request }).to_string();
                        let reply = client.request(&sign(blog, "echo", body.as_bytes()), "echo", body.as_bytes());
                        assert_eq!(reply.is("ok").json()["body_bytes"], body.len());
                    }
                    // Gone with an answer still on its way.
                    client.send_request(&sign(blog, "echo", b""), "echo", b"");
                }
            });
        }
    });
    house.client().ask(&blog, "echo", &json!({})).is("ok");
}

#[test]
fn logins_hold_up_nobody() {
    let house = house_with(|settings| {
        settings.password_cost = data_service::PasswordCost { memory_kib: 32 * 1024, passes: 4 };
        settings.hashing_threads = 1;
        settings.hashing_queue = 64;
    });
    house.user("ada", "correct horse battery");
    let blog = house.consumer("blog", &["authenticate"]);
    let (logins, client) = (house.client(), house.client());
    for number in 0..30 {
        let body = json!({ "username": format!("nobody{number}"), "password": "wrong" }).to_string();
        logins.send_request(&sign(&blog, "authenticate", body.as_bytes()), "authenticate", body.as_bytes());
    }
    // The last login has not been answered when all of these were: they overtook it, also on the same connection.
    for _ in 0..50 {
        client.ask(&blog, "echo", &json!({})).is("ok");
    }
    logins.send_request(&sign(&blog, "echo", b""), "echo", b"");
    let place = (0..31).position(|_| logins.reply().code() == "ok").unwrap();
    assert!(place < 30, "echo was answered after {place} logins");
}

#[test]
fn what_is_over_is_answered_at_once_and_others_are_served() {
    let house = house_with(|settings| {
        settings.password_cost = data_service::PasswordCost { memory_kib: 32 * 1024, passes: 2 };
        settings.hashing_threads = 1;
        settings.hashing_queue = 10_000;
    });
    let blog = house.consumer("blog", &["authenticate"]);
    let greedy = house.client();
    let bodies = (0..300).map(|number| json!({ "username": format!("n{number}"), "password": "wrong" }).to_string());
    for body in bodies {
        greedy.send_request(&sign(&blog, "authenticate", body.as_bytes()), "authenticate", body.as_bytes());
    }
    // 256 of one connection may be under way; the rest hears so before the slow ones are done.
    let reply = (0..).map(|_| greedy.reply()).find(|reply| reply.code() == "unavailable").unwrap();
    assert_eq!((reply.status.as_str(), &reply.json()["retry_after"]), ("503", &json!(1)));
    house.client().ask(&blog, "echo", &json!({})).is("ok");
}

/// What it costs in memory is measured by `tests/zeromq/run`, from outside.
#[test]
fn who_does_not_read_holds_up_nobody() {
    let house = house();
    let blog = house.consumer_with("blog", |command| {
        command.access = Some(shared::acl::AccessList::new(["users.me.#"]));
    });
    let ada = house.user("ada", "correct horse battery");
    let ada: Consumer = house.acting(&blog, &ada);
    let large = json!({ "id": "me", "document": { "text": "x".repeat(60_000) } });
    house.client().ask(&ada, "profile.put", &large).is("ok");
    let options = Options::default().recv_hwm(1).recv_buffer_size(4096);
    let lazy = Client::with(&house, SocketType::Dealer, options, &house.zeromq[0]);
    for _ in 0..4000 {
        let body = br#"{"id":"me"}"#;
        lazy.send_request(&sign(&ada, "profile.get", body), "profile.get", body);
    }
    let client = house.client();
    for _ in 0..20 {
        client.ask(&ada, "whoami", &json!({})).is("ok");
    }
}
