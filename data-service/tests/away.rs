//! A database that is away: at the start, later, for a moment, for ever. Tests that run where there is PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Answer, House, Raw};
use data_service::{App, Clock, Database, Operator, Settings, StartError};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testbed::{Ground, Postgres, Stop};

/// A server that keeps what it has acknowledged, with an empty database.
fn durable() -> (Postgres, Ground) {
    let mut server = Postgres::prepare(&[]);
    server.go();
    (server, Ground::new())
}

/// A house on a server of its own.
fn house() -> (Postgres, House) {
    let (server, _) = durable();
    let url = server.url("postgres");
    (server, House::start_with(Clock::system(), |settings| settings.database = Database::at(url)))
}

fn unavailable(answer: Answer) {
    let answer = answer.expect(503).refused("unavailable");
    assert!(answer.header("retry-after").is_some());
}

fn settings(server: &Postgres, ground: &Ground) -> Settings {
    Settings { database: Database::at(server.url("postgres")), ..common::settings(ground) }
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn the_order_of_starting_does_not_matter() {
    let mut server = Postgres::prepare(&[]);
    let ground = Ground::new();
    let settings = settings(&server, &ground);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = runtime.block_on(App::bind(settings.clone(), Clock::system())).unwrap();
    let url = app.url().to_owned();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = runtime.spawn(app.run(async { drop(stopped.await) }));
    let get = |path: &str| Raw::new("GET", path).send(&url);
    assert_eq!(get("/healthz").status, 200);
    unavailable(get("/readyz"));
    unavailable(get("/echo"));
    unavailable(Raw::new("POST", "/authenticate").body("application/json", &[b' '; 10_000]).send(&url));
    server.go();
    let begun = std::time::Instant::now();
    while get("/readyz").status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never went on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(get("/echo").status, 401);
    let operator = runtime.block_on(Operator::open(&settings)).unwrap();
    assert!(runtime.block_on(operator.user("ada")).unwrap().is_none());
    stop.send(()).unwrap();
    runtime.block_on(running).unwrap().unwrap();
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_database_that_never_comes_does_not_keep_the_service_from_ending() {
    let server = Postgres::prepare(&[]);
    let ground = Ground::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = runtime.block_on(App::bind(settings(&server, &ground), Clock::system())).unwrap();
    runtime.block_on(app.run(async {})).unwrap();
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn it_is_given_up_when_it_was_said_so() {
    let (mut server, ground) = durable();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let with = |give_up_after| {
        let mut settings = settings(&server, &ground);
        settings.database.give_up_after = Some(give_up_after);
        runtime.block_on(App::bind(settings, Clock::system()))
    };
    let running = with(Duration::from_millis(300)).unwrap();
    let running = runtime.spawn(running.run(std::future::pending()));
    std::thread::sleep(Duration::from_millis(500));
    assert!(!running.is_finished(), "nothing is given up while the database is there");
    server.stop(Stop::Fast);
    let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), running).await });
    assert!(matches!(ended.unwrap().unwrap(), Err(StartError::GivenUp { .. })));
    // At the start: at once, and after a while.
    let with = |give_up_after| {
        let mut settings = settings(&server, &ground);
        settings.database.give_up_after = Some(give_up_after);
        runtime.block_on(App::bind(settings, Clock::system()))
    };
    assert!(matches!(with(Duration::ZERO).map(drop), Err(StartError::GivenUp { .. })));
    let waiting = with(Duration::from_millis(300)).unwrap();
    let ended = runtime.block_on(waiting.run(std::future::pending()));
    assert!(matches!(ended, Err(StartError::GivenUp { .. })));
    // The operator's patience is short in any case.
    let error = runtime.block_on(Operator::open(&settings(&server, &ground))).err().unwrap();
    assert!(error.is_away(), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_restart_of_the_database_costs_nobody_more_than_a_moment() {
    let (mut server, house) = house();
    let blog = house.consumer("blog", &["users.me.#"]);
    let as_ada = house.acting(&blog, &house.user("ada", "correct horse"));
    as_ada.get("/users/me").expect(200);
    for how in [Stop::Fast, Stop::Crash] {
        server.stop(how);
        house.until("its absence is noticed", || house.get("/readyz").status == 503);
        assert_eq!(house.get("/healthz").status, 200);
        unavailable(as_ada.get("/users/me"));
        server.go();
        house.until("it is there again", || house.get("/readyz").status == 200);
        // Every connection from before is dead, and nobody gets to see that.
        for _ in 0..30 {
            as_ada.get("/users/me").expect(200);
            as_ada.send("PATCH", "/users/me", &json!({ "name": "Ada" })).expect(200);
        }
    }
}

/// The server goes on, and only the connections die: whoever asks next is answered all the same.
#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn connections_that_die_are_seen_by_nobody() {
    let house = House::start();
    assert!(house.ground.is_postgres(), "{} is not set", testbed::SERVER);
    let (admin, ada) = (house.admin(), house.user("ada", "correct horse"));
    let path = format!("/users/{}", ada.id);
    for round in 0..10 {
        house.ground.run(&["SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                            WHERE datname = current_database() AND application_name = 'countersign'"]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| admin.get(&path).expect(200));
            }
        });
        admin.send("PATCH", &path, &json!({ "name": format!("Ada {round}") })).expect(200);
    }
}

/// Writes go on through three crashes of the server. What was acknowledged is there at the end; what was refused was
/// refused as unavailable; nobody was told to log in again.
#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn no_acknowledged_write_is_lost_and_nobody_is_logged_out() {
    let (mut server, house) = house();
    let frontend = house.consumer("frontend", &["authenticate", "sessions.resolve", "users.#"]);
    house.user("ada", "correct horse");
    let (as_ada, login) = frontend.sign_in("ada", "correct horse");
    let admin = house.admin();
    let over = AtomicBool::new(false);
    let (acknowledged, refused) = std::thread::scope(|scope| {
        let writer = |name: usize| {
            let (admin, as_ada, frontend, over) = (admin.clone(), as_ada.clone(), frontend.clone(), &over);
            let cookie = json!({ "sessionid": login.json["sessionid"] });
            scope.spawn(move || {
                let (mut acknowledged, mut refused) = (Vec::new(), 0);
                for index in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let user = format!("u{name}-{index}");
                    let answer = admin.post("/users", json!({ "username": user }));
                    match answer.status {
                        201 => acknowledged.push(user),
                        503 => refused += 1,
                        _ => panic!("{} {}", answer.status, answer.text),
                    }
                    for answer in [as_ada.get("/users/me"), frontend.post("/sessions/resolve", cookie.clone())] {
                        assert!(matches!(answer.status, 200 | 503), "{} {}", answer.status, answer.text);
                    }
                }
                (acknowledged, refused)
            })
        };
        let writers: Vec<_> = (0..3).map(writer).collect();
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(400));
            server.stop(Stop::Crash);
            std::thread::sleep(Duration::from_millis(100));
            server.go();
            house.until("it is there again", || house.get("/readyz").status == 200);
        }
        over.store(true, Ordering::Relaxed);
        let done = writers.into_iter().map(|writer| writer.join().unwrap());
        done.fold((Vec::new(), 0), |(mut all, count), (more, refused)| {
            all.extend(more);
            (all, count + refused)
        })
    });
    assert!(acknowledged.len() > 20 && refused > 0, "{} and {refused}", acknowledged.len());
    for user in acknowledged {
        assert!(house.runtime.block_on(house.operator.user(&user)).unwrap().is_some(), "{user} was acknowledged");
    }
    as_ada.get("/users/me").expect(200);
}

/// The worst kind of absence: connections stand, and nothing comes back.
#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn a_database_that_stands_still_is_away_too() {
    let (server, house) = house();
    let blog = house.consumer("blog", &["users.me.#"]);
    let as_ada = house.acting(&blog, &house.user("ada", "correct horse"));
    as_ada.get("/users/me").expect(200);
    server.freeze();
    unavailable(as_ada.get("/users/me"));
    unavailable(house.get("/readyz"));
    assert_eq!(house.get("/healthz").status, 200);
    server.thaw();
    house.until("it is there again", || house.get("/readyz").status == 200);
    as_ada.get("/users/me").expect(200);
    as_ada.send("PATCH", "/users/me", &json!({ "name": "Ada" })).expect(200);
}

/// An instance that stands still with the writer's lock in its hands does not stop the others for long.
#[test]
#[ignore = "needs PostgreSQL: tests/postgres/run"]
fn who_stands_still_while_writing_is_overtaken() {
    let house = House::start();
    assert!(house.ground.is_postgres(), "{} is not set", testbed::SERVER);
    let admin = house.admin();
    house.runtime.block_on(async {
        use sea_orm::ConnectionTrait as _;
        let mut options = sea_orm::ConnectOptions::new(house.settings.database.url.expose());
        options.max_connections(1);
        let stuck = sea_orm::Database::connect(options).await.unwrap();
        stuck.execute_unprepared("SET idle_in_transaction_session_timeout = '5s'").await.unwrap();
        stuck.execute_unprepared("BEGIN; SELECT pg_advisory_xact_lock(7163384624398131571)").await.unwrap();
        let created = tokio::task::spawn_blocking({
            let admin = admin.clone();
            move || admin.post("/users", json!({ "username": "eve" }))
        });
        created.await.unwrap().expect(201);
    });
}
