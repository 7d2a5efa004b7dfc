//! Several instances whose clocks differ, on one PostgreSQL.
//!
//! These need PostgreSQL: `tests/postgres/run cargo test -p data-service --test several -- --ignored`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test may fail by panicking, and has its own clock"
)]

mod common;

use common::{Consumer, House, Raw, nonce, now};
use data_service::{App, Clock};
use shared::oauth1::{BaseUrl, SignBody};
use shared::timestamp::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

const URL: &str = "https://api.example.com";

/// A clock that goes, and goes wrong by some seconds.
struct Skewed {
    clock: Clock,
    over: Arc<AtomicBool>,
}

fn skewed_now(seconds: i64) -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap() + seconds * 1000)
}

impl Skewed {
    fn by(seconds: i64) -> Self {
        let clock = Clock::by_hand(skewed_now(seconds));
        let (hand, over) = (clock.clone(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&over);
        std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                hand.set(skewed_now(seconds));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Self { clock, over }
    }
}

impl Drop for Skewed {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// One more instance beside a house.
struct Beside {
    url: String,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
    _clock: Skewed,
}

impl Beside {
    fn start(house: &House, seconds: i64) -> Self {
        let clock = Skewed::by(seconds);
        let mut settings = house.settings.clone();
        settings.instance = format!("{seconds} seconds");
        let app = house.runtime.block_on(App::bind(settings, clock.clock.clone())).unwrap();
        let (url, (stop, stopped)) = (app.url().to_owned(), oneshot::channel());
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = house.runtime.spawn(async { app.run(shutdown).await.unwrap() });
        house.until("ready", || Raw::new("GET", "/readyz").send(&url).status == 200);
        Self { url, stop, task, _clock: clock }
    }

    fn stop(self, house: &House) {
        let _ = self.stop.send(());
        house.runtime.block_on(self.task).unwrap();
    }
}

/// A house on PostgreSQL, and a consumer that signs for all instances.
fn house() -> (House, Consumer) {
    let house = House::start_with(Clock::system(), |settings| {
        settings.public_urls = vec![BaseUrl::parse(URL).unwrap()];
    });
    assert!(house.ground.is_postgres(), "{} is not set", testbed::SERVER);
    let mut blog = house.consumer("blog", &[]);
    blog.url = URL.into();
    (house, blog)
}

#[test]
#[ignore = "needs PostgreSQL"]
fn clocks_that_differ_revive_nothing() {
    let (house, blog) = house();
    let skews = [-200, -20, 20];
    let others = skews.map(|seconds| Beside::start(&house, seconds));
    let urls: Vec<String> = others.iter().map(|other| other.url.clone()).chain([house.url.clone()]).collect();
    // Well within the window of one instance, and outside that of all others, or the other way round.
    for offset in [-480, -340, -310, -290, -100, 0, 50, 75, 100] {
        let timestamp = now().checked_add_signed(offset).unwrap();
        let request = blog.signed_at("GET", "/echo", SignBody::None, timestamp, &nonce());
        for round in 0..2 {
            let copies: Vec<_> = urls
                .iter()
                .chain(&urls)
                .map(|url| {
                    let (request, url) = (request.clone(), url.clone());
                    std::thread::spawn(move || request.send(&url).code().to_owned())
                })
                .collect();
            let codes: Vec<String> = copies.into_iter().map(|copy| copy.join().unwrap()).collect();
            let accepted = codes.iter().filter(|code| *code == "ok").count();
            // 480 seconds ago lies in the window of the slowest clock, and below the floor of the table.
            let wanted = usize::from(round == 0 && (-340..=75).contains(&offset));
            assert_eq!(accepted, wanted, "{offset}, round {round}: {codes:?}");
            let known = ["ok", "nonce_used", "timestamp_refused"];
            assert!(codes.iter().all(|code| known.contains(&code.as_str())), "{offset}: {codes:?}");
        }
    }
    others.into_iter().for_each(|other| other.stop(&house));
}

/// Who lives and who has confirmed goes by the database's clock, not by theirs.
#[test]
#[ignore = "needs PostgreSQL"]
fn clocks_that_differ_make_nobody_silent() {
    let (house, _) = house();
    let others = [-3600, 3600].map(|seconds| Beside::start(&house, seconds));
    let consumer = house.consumer("shop", &[]);
    let revoke = shared::command::RevokeConsumer { key: consumer.key() };
    let receipt = house.runtime.block_on(house.operator.call(revoke)).unwrap();
    let mut confirmed: Vec<&str> = receipt.confirmed.iter().map(|by| by.instance.as_str()).collect();
    confirmed.sort_unstable();
    assert_eq!(confirmed, ["-3600 seconds", "3600 seconds", "one"]);
    assert_eq!(receipt.silent, Vec::<String>::new());
    for by in &receipt.confirmed {
        let off = by.at.seconds() - skewed_now(0).seconds();
        assert!(off.abs() < 600, "{} said {off} seconds from now", by.instance);
    }
    others.into_iter().for_each(|other| other.stop(&house));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn rows_go_when_nobody_would_accept_them_and_not_before() {
    let (house, blog) = house();
    let url = house.settings.database.url.expose().to_owned();
    let number = |sql: &str| testbed::number(&url, sql).unwrap();
    let floor = || number("SELECT value::bigint FROM marks WHERE name = 'nonces_floor'");
    house.until("the floor is raised", || floor() > 0);
    let (floor_then, time) = (floor(), number("SELECT extract(epoch FROM clock_timestamp())::bigint"));
    assert!(floor_then < time - 300 - 30, "the floor lies behind the window");
    let request = blog.signed("GET", "/echo");
    house.send(&request).expect(200);
    house.sql(&format!(
        "INSERT INTO nonces SELECT {floor_then} - 100, n FROM generate_series(1, 12000) AS n; \
         INSERT INTO nonces VALUES ({floor_then} + 1, 1), ({floor_then} + 200, 1)"
    ));
    house.until("the old ones are gone", || number("SELECT count(*) FROM nonces WHERE fingerprint <> 1") <= 1);
    let kept = format!("SELECT count(*) FROM nonces WHERE second > {floor_then}");
    assert_eq!(number(&kept), 3, "what may still be accepted is kept");
    house.send(&request).refused("nonce_used");
}
