//! Instances are killed and the database stops as if its machine had, again and again: nothing that was acknowledged is
//! lost, and no nonce is accepted twice.

use crate::client::{Client, exchange};
use crate::installation::{Installation, Instance, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;
use testbed::{Postgres, Stop};

/// Crashes if the environment says nothing.
const ROUNDS: usize = 20;

/// What must hold after a crash because it was acknowledged before.
#[derive(Clone)]
enum Acknowledged {
    /// This request was accepted: never again.
    Accepted(String),
    /// Nothing of this consumer is accepted: the code it hears.
    Ended(Client, &'static str),
    /// This session is over.
    LoggedOut(Value),
    /// This password was changed.
    Password { name: String, old: &'static str, new: &'static str },
}

struct Stage<'a> {
    admin: &'a Client,
    instances: Vec<SocketAddr>,
    turn: AtomicUsize,
    over: AtomicBool,
}

impl Stage<'_> {
    fn next(&self) -> (usize, SocketAddr) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (turn, self.instances[turn % self.instances.len()])
    }

    /// Something that is acknowledged by a success; `None` if it was not, and so may or may not have happened.
    fn ask(&self, client: &Client, method: &str, path: &str, body: &Value) -> Option<Value> {
        let answer = client.send_to(self.next().1, method, path, Some(body))?;
        (answer.status < 300).then_some(answer.json)
    }

    fn revoke(&self) -> Option<Acknowledged> {
        let client = self.admin.register(self.next().1, "blog", &[])?;
        self.ask(&client, "POST", "/echo", &json!({}))?;
        self.ask(self.admin, "POST", &format!("/consumers/{}/revoke", client.key()), &json!({}))?;
        Some(Acknowledged::Ended(client, "consumer_revoked"))
    }

    fn rotate(&self) -> Option<Acknowledged> {
        let client = self.admin.register(self.next().1, "shop", &[])?;
        self.ask(&client, "POST", "/echo", &json!({}))?;
        let path = format!("/consumers/{}/secrets", client.key());
        self.ask(self.admin, "POST", &path, &json!({ "overlap_seconds": 0 }))?;
        Some(Acknowledged::Ended(client, "signature_invalid"))
    }

    fn user(&self) -> Option<(String, Value)> {
        let name = format!("user{}", self.next().0);
        let user = json!({ "username": name, "password": "the first password" });
        let made = self.ask(self.admin, "POST", "/users", &user)?;
        Some((name, made["id"].clone()))
    }

    fn log_out(&self) -> Option<Acknowledged> {
        let (name, _) = self.user()?;
        let login = json!({ "username": name, "password": "the first password" });
        let session = self.ask(self.admin, "POST", "/authenticate", &login)?;
        let session = json!({ "sessionid": session["sessionid"] });
        let answer = self.admin.send_to(self.next().1, "POST", "/sessions/end", Some(&session))?;
        (answer.status == 204).then_some(Acknowledged::LoggedOut(session))
    }

    fn change_password(&self) -> Option<Acknowledged> {
        let (name, id) = self.user()?;
        let (old, new) = ("the first password", "the second password");
        let path = format!("/users/{}/password", id.as_str()?);
        let answer = self.admin.send_to(self.next().1, "PUT", &path, Some(&json!({ "password": new })))?;
        (answer.status == 204).then_some(Acknowledged::Password { name, old, new })
    }

    fn request(&self, client: &Client) -> Option<Acknowledged> {
        let header = client.sign("GET", "/echo", None);
        let answer = exchange(self.next().1, "GET", "/echo", Some(&header), None)?;
        (answer.status == 200).then_some(Acknowledged::Accepted(header))
    }

    /// Does one thing over and over until it is over; what was acknowledged is what matters.
    fn repeat<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        what: impl Fn() -> Option<Acknowledged> + Send + 'scope,
    ) -> ScopedJoinHandle<'scope, Vec<Acknowledged>> {
        scope.spawn(move || {
            let mut done = Vec::new();
            while !self.over.load(Ordering::Relaxed) {
                done.extend(what());
            }
            done
        })
    }
}

/// Sees to it that something acknowledged still holds, on an instance.
fn check(what: &Acknowledged, admin: &Client, instance: &Instance) {
    // Right after a crash a service may still be finding its way: it says so, and is asked again.
    let answer = |client: &Client, method: &str, path: &str, body: Option<&Value>| {
        until("an answer that says something", || {
            let answer = client.send(instance, method, path, body)?;
            (!["unavailable", "throttled"].contains(&answer.code())).then_some(answer)
        })
    };
    match what {
        Acknowledged::Accepted(header) => {
            let code = until("an answer that says something", || {
                let answer = instance.send("GET", "/echo", Some(header), None)?;
                (answer.code() != "unavailable").then(|| answer.code().to_owned())
            });
            // (On a slow machine it may have left the window meanwhile.)
            assert!(["nonce_used", "timestamp_refused"].contains(&code.as_str()), "a replay: {code}");
        }
        Acknowledged::Ended(client, code) => assert_eq!(answer(client, "GET", "/echo", None).code(), *code),
        Acknowledged::LoggedOut(session) => {
            assert_eq!(answer(admin, "POST", "/sessions/resolve", Some(session)).code(), "not_found");
        }
        Acknowledged::Password { name, old, new } => {
            let login = |password: &str| {
                let body = json!({ "username": name, "password": password });
                answer(admin, "POST", "/authenticate", Some(&body)).code().to_owned()
            };
            assert_eq!(login(new), "ok");
            assert_eq!(login(old), "invalid_credentials");
        }
    }
}

/// Everybody is at work; then something happens.
fn work_until(admin: &Client, client: &Client, instances: &[Instance], happens: impl FnOnce()) -> Vec<Acknowledged> {
    let stage = Stage {
        admin,
        instances: instances.iter().map(|instance| instance.address).collect(),
        // Names are not used twice.
        turn: AtomicUsize::new(NAMES.fetch_add(1_000_000, Ordering::Relaxed)),
        over: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        let workers = [
            stage.repeat(scope, || stage.revoke()),
            stage.repeat(scope, || stage.rotate()),
            stage.repeat(scope, || stage.log_out()),
            stage.repeat(scope, || stage.change_password()),
            stage.repeat(scope, || stage.request(client)),
            stage.repeat(scope, || stage.request(client)),
        ];
        happens();
        stage.over.store(true, Ordering::Relaxed);
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

static NAMES: AtomicUsize = AtomicUsize::new(0);

#[test]
#[ignore = "needs PostgreSQL"]
fn nothing_acknowledged_is_lost_and_no_nonce_is_accepted_twice_whoever_is_killed() {
    let rounds = std::env::var("COUNTERSIGN_TEST_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let careless = ["synchronous_commit=off", "wal_writer_delay=10s"];
    let mut installation = Installation::on(Postgres::start_with(&careless));
    let mut instances = installation.start_three();
    let admin = installation.register("admin", &["#"]);
    let client = installation.register("load", &[]);
    let mut counts = [0_usize; 4];
    for round in 0..rounds {
        let pause = Duration::from_millis(300 + (round as u64 * 137) % 500);
        let crashes_database = round % 3 == 2;
        let mut killed = None;
        let acknowledged = if crashes_database {
            let postgres = &mut installation.postgres;
            work_until(&admin, &client, &instances, || {
                std::thread::sleep(pause);
                postgres.stop(Stop::Crash);
                postgres.go();
            })
        } else {
            let victim = round % instances.len();
            killed = Some(victim);
            work_until(&admin, &client, &instances, || {
                std::thread::sleep(pause);
                instances[victim].signal(rustix::process::Signal::KILL);
                std::thread::sleep(Duration::from_millis(100));
            })
        };
        if let Some(victim) = killed {
            instances[victim].kill();
            installation.restart(&mut instances[victim]);
        }
        instances.iter_mut().for_each(Instance::until_ready);
        for (index, what) in acknowledged.iter().enumerate() {
            check(what, &admin, &instances[index % 3]);
            counts[match what {
                Acknowledged::Accepted(_) => 0,
                Acknowledged::Ended(..) => 1,
                Acknowledged::LoggedOut(_) => 2,
                Acknowledged::Password { .. } => 3,
            }] += 1;
        }
        println!("round {round}: {} things acknowledged before the crash, all hold", acknowledged.len());
    }
    println!("{rounds} crashes; requests, revoked and rotated, logouts, passwords: {counts:?}");
    assert!(counts.iter().all(|count| *count >= rounds / 2), "too little happened: {counts:?}");
}
