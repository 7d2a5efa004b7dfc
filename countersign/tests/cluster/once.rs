//! One request, many instances: accepted once, whatever is killed.

use crate::client::{Client, exchange};
use crate::installation::{Installation, Instance, until};
use testbed::{Postgres, Stop};

/// Sends one captured request to every instance several times at the same moment; answers the codes.
fn everywhere(header: &str, instances: &[Instance], copies: usize) -> Vec<String> {
    let threads: Vec<_> = (0..copies)
        .flat_map(|_| instances.iter().map(|instance| instance.address))
        .map(|address| {
            let header = header.to_owned();
            std::thread::spawn(move || {
                let answer = exchange(address, "GET", "/echo", Some(&header), None);
                answer.map_or_else(|| "no answer".to_owned(), |answer| answer.code().to_owned())
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn count(codes: &[String], code: &str) -> usize {
    codes.iter().filter(|found| *found == code).count()
}

fn accepted_once(client: &Client, instances: &[Instance]) -> String {
    let header = client.sign("GET", "/echo", None);
    let codes = everywhere(&header, instances, 3);
    assert_eq!(count(&codes, "ok"), 1, "{codes:?}");
    assert_eq!(count(&codes, "nonce_used"), codes.len() - 1, "{codes:?}");
    header
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_captured_request_is_accepted_once_by_all_instances_together() {
    // The server is told to be careless; what counts here is written down all the same.
    let careless = ["synchronous_commit=off", "wal_writer_delay=10s"];
    let mut installation = Installation::on(Postgres::start_with(&careless));
    let mut instances = installation.start_three();
    let client = installation.register("blog", &[]);
    let mut used: Vec<String> = (0..20).map(|_| accepted_once(&client, &instances)).collect();

    // Whoever accepted it may be gone.
    instances[0].kill();
    used.push(accepted_once(&client, &instances[1..]));
    installation.restart(&mut instances[0]);

    // The database stops as if the machine had, right after the last answer.
    used.push(accepted_once(&client, &instances));
    installation.postgres.stop(Stop::Crash);
    // Out of reach: an honest request is told to come back, and not that it was wrong.
    let honest = client.sign("GET", "/echo", None);
    for instance in &instances {
        let answer = instance.send("GET", "/echo", Some(&honest), None).unwrap();
        assert_eq!((answer.status, answer.code()), (503, "unavailable"));
        assert!(answer.head.contains("\r\nretry-after: "), "{}", answer.head);
    }
    installation.postgres.go();
    until("everybody is back", || instances.iter().all(Instance::is_ready).then_some(()));
    for header in &used {
        let codes = until("nobody is unavailable any more", || {
            let codes = everywhere(header, &instances, 1);
            assert_eq!(count(&codes, "ok"), 0, "{codes:?}");
            (count(&codes, "unavailable") == 0).then_some(codes)
        });
        assert_eq!(count(&codes, "nonce_used"), codes.len(), "{codes:?}");
    }
    accepted_once(&client, &instances);
}

/// A table that has lost rows, because it was restored or another server took over, closes the window until all that
/// could have been accepted before has passed.
#[test]
#[ignore = "needs PostgreSQL"]
fn a_table_that_may_have_lost_rows_closes_the_window() {
    let installation = Installation::new();
    let mut instances = vec![installation.start("one")];
    let client = installation.register("blog", &[]);
    let header = accepted_once(&client, &instances);
    instances[0].kill();
    for loss in [
        "TRUNCATE nonces; UPDATE marks SET value = 'elsewhere' WHERE name = 'nonces_server'",
        "TRUNCATE nonces; DELETE FROM marks WHERE name = 'nonces_floor'",
        "TRUNCATE nonces; DELETE FROM marks WHERE name LIKE 'nonces_%'",
    ] {
        installation.sql(loss);
        installation.restart(&mut instances[0]);
        let codes = everywhere(&header, &instances, 2);
        assert_eq!(count(&codes, "timestamp_refused"), codes.len(), "{codes:?}");
        let now = everywhere(&client.sign("GET", "/echo", None), &instances, 1);
        assert_eq!(now, ["timestamp_refused"], "nothing that somebody may have sent before is accepted");
        instances[0].kill();
    }
}
