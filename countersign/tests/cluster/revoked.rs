//! A thousand revocations under load: no request that begins after the acknowledgement is accepted, by any instance.

use crate::client::{Client, exchange};
use crate::history::{History, Seen};
use crate::installation::Installation;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const REVOCATIONS: usize = 1_000;
/// Every so many, a whole consumer is revoked instead of one token.
const EACH: usize = 20;
const REVOKERS: usize = 6;
const SENDERS: usize = 8;

/// What all threads share.
struct Stage {
    instances: Vec<SocketAddr>,
    /// Who signs, and what to call to end that.
    clients: Vec<(Client, String, &'static str)>,
    /// The next one to be revoked.
    next: AtomicUsize,
    over: AtomicBool,
    acknowledged: Mutex<Vec<(String, Instant)>>,
}

/// Sends as those who are about to be revoked, and as some that just were.
fn send(stage: &Stage, mut turn: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    while !stage.over.load(Ordering::Relaxed) {
        turn += 1;
        let around = stage.next.load(Ordering::Relaxed).saturating_sub(4) + turn % 12;
        let (client, subject, _) = &stage.clients[around.min(REVOCATIONS - 1)];
        let instance = stage.instances[turn % stage.instances.len()];
        let header = client.sign("GET", "/echo", None);
        let begun = Instant::now();
        let answer = exchange(instance, "GET", "/echo", Some(&header), None).expect("an answer");
        let known = ["ok", "consumer_revoked", "token_revoked", "unavailable"];
        assert!(known.contains(&answer.code()), "{} {}", answer.status, answer.json);
        let (consumer, accepted) = (subject.clone(), answer.status == 200);
        seen.push(Seen { consumer, instance: instance.to_string(), begun, accepted });
    }
    seen
}

/// Revokes one after the other, each at the next instance, until it is acknowledged.
fn revoke(stage: &Stage, admin: &Client) -> usize {
    let mut witnesses = 0;
    loop {
        let index = stage.next.fetch_add(1, Ordering::Relaxed);
        let Some((_, subject, method)) = stage.clients.get(index) else { return witnesses };
        let body = (*method == "POST").then(|| json!({}));
        let answer = loop {
            let answer = admin.send_to(stage.instances[index % 3], method, subject, body.as_ref());
            let answer = answer.expect("a receipt");
            if answer.status != 503 {
                break answer;
            }
        };
        let acknowledged = Instant::now();
        assert_eq!(answer.status, 200, "{}", answer.json);
        witnesses += answer.json["confirmed"].as_array().unwrap().len();
        stage.acknowledged.lock().unwrap().push((subject.clone(), acknowledged));
    }
}

#[test]
#[ignore = "needs PostgreSQL"]
fn of_a_thousand_revocations_none_is_acknowledged_too_early() {
    let installation = Installation::new();
    let instances = installation.start_three();
    let admin = installation.register("admin", &["#"]);
    let mut clients = Vec::new();
    for group in 0..REVOCATIONS / EACH {
        let client = installation.register_quickly(&format!("s{group}"));
        for token in installation.tokens(&client, EACH - 1) {
            let path = format!("/tokens/{}", token.token().expect("a token"));
            clients.push((token, path, "DELETE"));
        }
        // Its tokens are gone when its own turn comes: it signs by itself.
        let path = format!("/consumers/{}/revoke", client.key());
        clients.push((client, path, "POST"));
    }
    assert_eq!(clients.len(), REVOCATIONS);
    let stage = Stage {
        instances: instances.iter().map(|instance| instance.address).collect(),
        clients,
        next: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        acknowledged: Mutex::default(),
    };
    let (requests, witnesses) = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|index| {
                scope.spawn({
                    let stage = &stage;
                    move || send(stage, index * 7)
                })
            })
            .collect();
        let revokers: Vec<_> = (0..REVOKERS).map(|_| scope.spawn(|| revoke(&stage, &admin))).collect();
        let outcomes: Vec<_> = revokers.into_iter().map(|revoker| revoker.join()).collect();
        std::thread::sleep(Duration::from_millis(200)); // and some more requests that must all be refused
        stage.over.store(true, Ordering::Relaxed);
        let requests: Vec<Seen> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        (requests, outcomes.into_iter().map(|outcome| outcome.unwrap()).sum::<usize>())
    });
    let acknowledged = stage.acknowledged.lock().unwrap().drain(..).collect();
    let history = History { requests, acknowledged };
    assert_eq!(history.acknowledged.len(), REVOCATIONS);
    let violations = history.violations();
    assert!(violations.is_empty(), "{} of {}: {:?}", violations.len(), history.requests.len(), violations.first());
    // A history in which nothing happens proves nothing.
    let (late, known) = (history.late(), history.known_before());
    println!("{} requests, {late} after an acknowledgement; {known} were known before", history.requests.len());
    println!("{witnesses} confirmations of {REVOCATIONS} revocations");
    assert!(late >= 500, "{late} requests came after an acknowledgement");
    assert!(known >= REVOCATIONS / 4, "{known} had been accepted before they were revoked");
    assert!(witnesses >= REVOCATIONS, "{witnesses}");
}
