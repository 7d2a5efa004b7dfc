//! The connection that listens is cut, or swallows what goes over it: memory is believed for the promised second and not
//! longer, and without a store at all nothing is accepted.

use crate::client::Client;
use crate::installation::{Installation, Instance, until};
use crate::proxy::{Proxy, Swallow};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testbed::Postgres;

/// What is promised, in milliseconds.
const TRUST: i64 = 1_000;

fn millis() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A server that knows when each transaction was committed.
fn installation() -> Installation {
    Installation::on(Postgres::start_with(&["fsync=off", "track_commit_timestamp=on"]))
}

/// When the revocation of a consumer was committed, by the clock of this machine.
fn committed(installation: &Installation, client: &Client) -> i64 {
    let sql = "SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::bigint FROM events \
               WHERE topic = 'consumer.revoked' AND subject = ";
    testbed::number(&installation.postgres.url("postgres"), &format!("{sql}'{}'", client.key())).unwrap()
}

/// Sends without pause while something happens; answers when the accepted requests were begun.
fn accepted_while<T>(client: &Client, instance: &Instance, what: impl FnOnce() -> T) -> (Vec<i64>, T) {
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (client, to, over) = (client.clone(), instance.address, Arc::clone(&over));
            std::thread::spawn(move || {
                let mut accepted = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let begun = millis();
                    let answer = client.send_to(to, "GET", "/echo", None).expect("an answer");
                    match answer.code() {
                        "ok" => accepted.push(begun),
                        "consumer_revoked" | "unavailable" => {}
                        other => panic!("{other}"),
                    }
                }
                accepted
            })
        })
        .collect();
    let outcome = what();
    over.store(true, Ordering::Relaxed);
    (senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect(), outcome)
}

/// An instance whose way to the database goes over a proxy.
fn behind(installation: &Installation, proxy: &Proxy) -> Instance {
    let url = format!("postgres://postgres@{}/postgres", proxy.address);
    installation.start_with("far", &[("COUNTERSIGN__DATABASE__URL", &url)])
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_connection_that_listens_and_is_cut_delays_nothing_longer_than_promised() {
    let installation = installation();
    let instance = installation.start("one");
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'countersign listening'";
    for round in 0..5 {
        let client = installation.register("blog", &[]);
        assert_eq!(client.get(&instance, "/echo").status, 200);
        let (accepted, ()) = accepted_while(&client, &instance, || {
            installation.sql(cut);
            let revoke = ["consumer", "revoke", client.key(), "--yes", "--wait", "20s"];
            let mut command = installation.command(&revoke).spawn().unwrap();
            until("the receipt is there", || {
                installation.sql(cut);
                command.try_wait().unwrap()
            });
            std::thread::sleep(Duration::from_millis(300));
        });
        let last = committed(&installation, &client) + TRUST;
        let late = accepted.iter().filter(|begun| **begun > last).count();
        assert_eq!(late, 0, "round {round}: accepted more than a second after the revocation was committed");
        assert_eq!(client.get(&instance, "/echo").code(), "consumer_revoked", "round {round}");
    }
    until("it listens again", || instance.is_ready().then_some(()));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_connection_that_listens_and_hears_nothing_is_not_believed_for_longer_than_promised() {
    let installation = installation();
    let proxy = Proxy::to(installation.postgres.port());
    let (near, far) = (installation.start("near"), behind(&installation, &proxy));
    let client = installation.register("blog", &[]);
    for instance in [&near, &far] {
        assert_eq!(client.get(instance, "/echo").status, 200);
    }
    proxy.swallow(Swallow::Listening);
    let (accepted, receipt) = accepted_while(&client, &far, || {
        let revoke = ["consumer", "revoke", client.key(), "--yes", "--json", "--wait", "30s"];
        let output = installation.output(&revoke);
        std::thread::sleep(Duration::from_millis(300));
        String::from_utf8(output.stdout).unwrap()
    });
    let last = committed(&installation, &client) + TRUST;
    let late = accepted.iter().filter(|begun| **begun > last).count();
    assert_eq!(late, 0, "accepted more than a second after the revocation was committed");
    assert!(!accepted.is_empty(), "the store still answers: honest requests are served");
    assert!(receipt.contains("\"silent\":[\"far\"]"), "{receipt}");
    until("it says that it is not ready", || (!far.is_ready()).then_some(()));
    // Deaf, it asks the store about every request.
    let other = installation.register("shop", &[]);
    until("an honest request is served", || (other.get(&far, "/echo").status == 200).then_some(()));
    installation.sql(&format!("UPDATE consumers SET revoked_at = 1 WHERE key = '{}'", other.key()));
    assert_eq!(other.get(&far, "/echo").code(), "consumer_revoked");
    proxy.swallow(Swallow::Nothing);
    until("it hears again", || far.is_ready().then_some(()));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn without_a_store_nothing_is_accepted() {
    let installation = installation();
    let proxy = Proxy::to(installation.postgres.port());
    let far = behind(&installation, &proxy);
    let client = installation.register("blog", &[]);
    let header = client.sign("GET", "/echo", None);
    assert_eq!(far.send("GET", "/echo", Some(&header), None).unwrap().status, 200);
    proxy.swallow(Swallow::Everything);
    for _ in 0..2 {
        let answer = client.get(&far, "/echo");
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{}", answer.head);
        assert!(answer.head.contains("\r\nretry-after: "), "{}", answer.head);
    }
    assert!(!far.is_ready());
    proxy.swallow(Swallow::Nothing);
    until("it is back", || far.is_ready().then_some(()));
    until("an honest request is served", || (client.get(&far, "/echo").status == 200).then_some(()));
    let replayed = until("an answer that says something", || {
        let answer = far.send("GET", "/echo", Some(&header), None)?;
        (answer.code() != "unavailable").then_some(answer)
    });
    assert_eq!(replayed.code(), "nonce_used");
}
