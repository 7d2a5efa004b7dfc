//! Ten instances at once on an empty database.

use crate::installation::{Installation, Instance};

#[test]
#[ignore = "needs PostgreSQL"]
fn ten_instances_at_once_make_one_schema() {
    let installation = Installation::new();
    let mut instances: Vec<Instance> = (0..10).map(|index| installation.begin(&format!("i{index}"), &[])).collect();
    instances.iter_mut().for_each(Instance::until_ready);
    let url = installation.postgres.url("postgres");
    let number = |sql: &str| testbed::number(&url, sql).unwrap();
    let steps = number("SELECT count(*) FROM seaql_migrations");
    assert_eq!(steps, number("SELECT count(DISTINCT version) FROM seaql_migrations"));
    assert_eq!(number("SELECT count(*) FROM instances"), 10);
    assert_eq!(number("SELECT count(*) FROM marks WHERE name = 'nonces_key'"), 1);
    // They are one service: each knows what another was told, and a nonce is used once.
    let client = installation.register("blog", &[]);
    let header = client.sign("GET", "/echo", None);
    let mut codes: Vec<String> = instances
        .iter()
        .map(|instance| instance.send("GET", "/echo", Some(&header), None).unwrap().code().to_owned())
        .collect();
    codes.sort();
    assert_eq!(codes.iter().filter(|code| *code == "ok").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "nonce_used").count(), 9, "{codes:?}");
    for instance in &instances {
        let said = instance.said();
        assert!(!said.contains("ERROR"), "{}: {said}", instance.name);
    }
}
