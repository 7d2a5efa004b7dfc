//! Signatures, nonces, addresses, restarts.

use crate::client::{sign, sign_at};
use crate::common::{House, nonce, now};
use crate::frames::raw_as;
use crate::{Client, address, house, house_with};
use data_service::{App, Clock, StartError};
use omq_tokio::{Options, SocketType};
use serde_json::json;
use std::io::Write as _;

#[test]
fn echo_says_what_was_verified() {
    let house = house();
    let blog = house.consumer("blog", &[]);
    let reply = house.client().ask(&blog, "echo", &json!({"hello": "world"})).is("ok").json();
    assert_eq!(
        reply,
        json!({"consumer": blog.key(), "user": null, "token": null, "method": "POST", "url": "zeromq://countersign/echo",
               "parameters": 0, "signature_method": "HMAC-SHA256", "body_hash": "sha256", "body_bytes": 17})
    );
    // Any body, also none and one that is no JSON.
    let client = house.client();
    for body in [&b""[..], b"\xff\x00", b"{"] {
        let reply = client.request(&sign(&blog, "echo", body), "echo", body).is("ok").json();
        assert_eq!(reply["body_bytes"], body.len());
    }
}

#[test]
fn req_dealer_and_proxied_clients_are_answered_through_their_envelope() {
    let house = house();
    let blog = house.consumer("blog", &[]);
    let req = Client::with(&house, SocketType::Req, Options::default(), &house.zeromq[0]);
    for _ in 0..3 {
        req.ask(&blog, "echo", &json!({})).is("ok");
    }
    let dealer = house.client();
    dealer.send(&[b"request 7", b"\0peer", b"", b"1", sign(&blog, "echo", b"").as_bytes(), b"echo", b""]);
    let answer = dealer.receive();
    assert_eq!(answer[..5], [&b"request 7"[..], b"\0peer", b"", b"1", b"200"]);
}

#[test]
fn a_dealer_may_ask_several_things_at_once() {
    let house = house();
    let blog = house.consumer("blog", &[]);
    let client = house.client();
    for number in 0..50_usize {
        let body = vec![b' '; number];
        client.send_request(&sign(&blog, "echo", &body), "echo", &body);
    }
    let mut sizes: Vec<_> = (0..50).map(|_| client.reply().json()["body_bytes"].as_u64().unwrap()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, (0..50).collect::<Vec<_>>());
}

#[test]
fn one_nonce_is_good_for_one_door_once() {
    let mut house = house();
    let blog = house.consumer("blog", &[]);
    let (timestamp, nonce) = (now(), nonce());
    let over_zeromq = || sign_at(&blog, "zeromq://countersign/echo", b"", timestamp, &nonce);
    let over_http = || blog.signed_at("GET", "/echo", shared::oauth1::SignBody::None, timestamp, &nonce);
    house.client().request(&over_zeromq(), "echo", b"").is("ok");
    house.client().request(&over_zeromq(), "echo", b"").is("nonce_used");
    house.send(&over_http()).refused("nonce_used");
    house.restart();
    house.client().request(&over_zeromq(), "echo", b"").is("nonce_used");

    let (timestamp, nonce) = (now(), crate::common::nonce());
    let mut blog = blog;
    blog.url.clone_from(&house.url);
    house.send(&blog.signed_at("GET", "/echo", shared::oauth1::SignBody::None, timestamp, &nonce)).expect(200);
    let again = sign_at(&blog, "zeromq://countersign/echo", b"", timestamp, &nonce);
    house.client().request(&again, "echo", b"").is("nonce_used");
}

#[test]
fn of_many_copies_through_both_doors_exactly_one_is_accepted() {
    let house = house();
    let blog = house.consumer("blog", &[]);
    let (timestamp, nonce) = (now(), nonce());
    let message = sign_at(&blog, "zeromq://countersign/echo", b"", timestamp, &nonce);
    let http = blog.signed_at("POST", "/echo", shared::oauth1::SignBody::Other(b""), timestamp, &nonce);
    let codes = std::thread::scope(|scope| {
        let zeromq = (0..8).map(|_| scope.spawn(|| house.client().request(&message, "echo", b"").code()));
        let zeromq: Vec<_> = zeromq.collect();
        let http: Vec<_> = (0..8).map(|_| scope.spawn(|| house.send(&http).code().to_owned())).collect();
        zeromq.into_iter().chain(http).map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(codes.iter().filter(|code| *code == "ok").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "nonce_used").count(), 15, "{codes:?}");
}

#[test]
fn what_is_signed_for_another_door_name_or_command_is_worth_nothing_and_spends_no_nonce() {
    let house = house();
    let blog = house.consumer("blog", &[]);
    let (timestamp, nonce) = (now(), nonce());
    let signed = |url: &str| sign_at(&blog, url, b"{}", timestamp, &nonce);
    let client = house.client();
    for url in [
        format!("{}/echo", house.url),
        "zeromq://elsewhere/echo".into(),
        "zeromq://countersign/whoami".into(),
        "zeromq://countersign/echo?a=b".into(),
        "zeromq://countersign".into(),
        "http://countersign/echo".into(),
    ] {
        client.request(&signed(&url), "echo", b"{}").is("signature_invalid");
    }
    client.request(&signed("zeromq://countersign/echo"), "echo", b"{ }").is("body_hash_mismatch");
    // And the other way: HTTP takes nothing that was signed for this door.
    let raw = crate::common::Raw::new("POST", "/echo").header("Authorization", &signed("zeromq://countersign/echo"));
    house.send(&raw.body("application/json", b"{}")).refused("signature_invalid");
    client.request(&signed("zeromq://countersign/echo"), "echo", b"{}").is("ok");
}

#[test]
fn the_name_that_is_signed_is_a_setting() {
    let house = house_with(|settings| settings.zeromq.name = "accounts.example".into());
    let blog = house.consumer("blog", &[]);
    let at = |url: &str| sign_at(&blog, url, b"", now(), &nonce());
    house.client().request(&at("zeromq://accounts.example/echo"), "echo", b"").is("ok");
    house.client().request(&at("zeromq://countersign/echo"), "echo", b"").is("signature_invalid");
}

#[test]
fn a_revoked_consumer_is_refused_here_too() {
    let house = house();
    let (blog, admin) = (house.consumer("blog", &[]), house.admin());
    let client = house.client();
    client.ask(&blog, "echo", &json!({})).is("ok");
    client.ask(&admin, "consumer.revoke", &json!({"key": blog.key()})).is("ok");
    client.ask(&blog, "echo", &json!({})).is("consumer_revoked");
}

#[test]
fn a_socket_in_the_file_system_survives_a_restart_and_a_crash_and_is_not_taken_from_others() {
    let mut house = house_with(|settings| settings.zeromq.listen = vec![address("ipc://door.sock", settings)]);
    let blog = house.consumer("blog", &[]);
    let path = house.ground.path().join("door.sock");
    assert_eq!(house.zeromq, [format!("ipc://{}", path.display())]);
    house.client().ask(&blog, "echo", &json!({})).is("ok");
    let started = |house: &House| house.runtime.block_on(App::bind(house.settings.clone(), Clock::system()));
    // Somebody listens there: that is an error, and theirs it stays.
    house.stop();
    let theirs = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let error = started(&house).err().expect("the address is taken");
    assert!(matches!(error, StartError::ZeroMq(_)), "{error}");
    assert!(error.to_string().contains("another program listens there"), "{error}");
    // What is left of a dead one is replaced; a file that is no socket is not.
    drop(theirs);
    house.restart();
    house.client().ask(&blog, "echo", &json!({})).is("ok");
    house.stop();
    std::fs::write(&path, "precious").unwrap();
    assert!(started(&house).err().expect("a file is in the way").to_string().contains("no socket"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn an_address_that_is_taken_is_an_error_in_words() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut house = house();
    house.stop();
    let mut settings = house.settings.clone();
    let text = format!("tcp://{}", taken.local_addr().unwrap());
    settings.zeromq.listen = vec![address(&text, &settings)];
    let error = house.runtime.block_on(App::bind(settings.clone(), Clock::system())).err().expect("the port is taken");
    assert!(error.to_string().starts_with(&format!("zeromq: cannot listen on {text}: ")), "{error}");
    // Where nobody asked for that port, another one will do.
    settings.zeromq.anywhere = true;
    let app = house.runtime.block_on(App::bind(settings, Clock::system())).unwrap();
    assert!(app.zeromq()[0].starts_with("tcp://127.0.0.1:") && app.zeromq()[0] != text);
    house.runtime.block_on(app.run(async {})).unwrap();
}

#[test]
fn a_client_finds_the_door_again_after_a_restart() {
    let mut house = house();
    let port = house.zeromq[0].clone();
    house.settings.zeromq.listen = vec![address(&port, &house.settings)];
    let blog = house.consumer("blog", &[]);
    let socket = house.client();
    socket.ask(&blog, "echo", &json!({})).is("ok");
    let socket = socket.socket;
    house.restart();
    let client = Client { socket, ..house.client() };
    client.ask(&blog, "echo", &json!({})).is("ok");
}

#[test]
fn what_runs_when_it_is_time_to_stop_is_finished() {
    let mut house = house_with(|settings| {
        settings.password_cost = data_service::PasswordCost { memory_kib: 32 * 1024, passes: 2 };
        settings.zeromq.listen = vec![address("ipc://door.sock", settings)];
    });
    house.user("ada", "correct horse battery");
    let blog = house.consumer("blog", &["authenticate"]);
    let body = json!({"username": "ada", "password": "correct horse battery"}).to_string();
    let socket = {
        let client = house.client();
        client.ask(&blog, "echo", &json!({})).is("ok");
        client.send_request(&sign(&blog, "authenticate", body.as_bytes()), "authenticate", body.as_bytes());
        // One connection is read in order: when this is answered, the login runs.
        client.send_request(&sign(&blog, "echo", b""), "echo", b"");
        if client.reply().json().get("body_bytes").is_none() {
            return; // A machine on which the login was faster than an echo shows nothing.
        }
        client.socket
    };
    house.stop();
    house.restart();
    let client = Client { socket, ..house.client() };
    client.reply().is("ok");
}

#[test]
fn a_stolen_routing_id_gets_no_answer_of_its_owner() {
    let house = house_with(|settings| {
        settings.password_cost = data_service::PasswordCost { memory_kib: 64 * 1024, passes: 6 };
    });
    let ada = house.user("ada", "correct horse battery");
    let (blog, admin) = (house.consumer("blog", &["authenticate"]), house.admin());
    let body = json!({"username": "ada", "password": "correct horse battery"}).to_string();
    let authorization = sign(&blog, "authenticate", body.as_bytes());
    // By hand, so that it does not connect again and take its id back.
    let mut owner = raw_as(&house.zeromq[0], b"blog-1");
    let frames = [b"", &b"1"[..], authorization.as_bytes(), b"authenticate", body.as_bytes()];
    for (number, frame) in frames.iter().enumerate() {
        let more = u8::from(number + 1 < frames.len());
        owner.write_all(&[&[2 | more][..], &(frame.len() as u64).to_be_bytes(), frame].concat()).unwrap();
    }
    let at_work = || admin.get("/stats").json["requests"]["authenticate"].as_u64().is_some_and(|count| count > 0);
    house.until("the login is under way", at_work);
    let options = Options::default().identity("blog-1");
    let thief = Client::with(&house, SocketType::Dealer, options, &house.zeromq[0]);
    thief.send_request("", "whoami", b"");
    thief.reply().is("unsigned");
    let sessions = format!("/users/{}/sessions", ada.id);
    house.until("the login is done", || !admin.get(&sessions).json["items"].as_array().unwrap().is_empty());
    let more = thief.receive_within(std::time::Duration::from_millis(500));
    assert_eq!(more, None, "the thief heard the owner's answer");
}
