//! Both ways say the same, and what the direct way cannot say it leaves to the other.

use super::*;
use crate::error::Error;
use crate::settings::Database;
use crate::store::credentials::{TokenCredential, TokenId};
use crate::store::session_views::{self, SessionView};
use crate::store::tests::store;
use crate::store::tokens::{self, NewToken};
use crate::store::{marks, sealed, sessions};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use testbed::Ground;
use uuid::Uuid;

const ADA: Uuid = Uuid::from_u128(1);
const EVE: Uuid = Uuid::from_u128(2);
const LIVE: Uuid = Uuid::from_u128(3);
const ENDED: Uuid = Uuid::from_u128(4);
const EXPIRED: Uuid = Uuid::from_u128(5);

const PLAIN: &str = "t_ppppppppppppppppppppppppp";
const REVOKED: &str = "t_rrrrrrrrrrrrrrrrrrrrrrrrr";
const DISABLED: &str = "t_ddddddddddddddddddddddddd";
const SESSION: &str = "t_sssssssssssssssssssssssss";
const ENDED_TOKEN: &str = "t_eeeeeeeeeeeeeeeeeeeeeeeee";
const EXPIRED_TOKEN: &str = "t_xxxxxxxxxxxxxxxxxxxxxxxxx";
const UNKNOWN: &str = "t_uuuuuuuuuuuuuuuuuuuuuuuuu";

/// A text of a mark.
#[derive(FromQueryResult)]
struct Mark {
    value: String,
}

impl Columns for Mark {
    fn take(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { value: row.get(0)? })
    }
}

const MARK: &str = "SELECT value FROM marks WHERE name = $1";

fn mark(direct: &Direct, name: &str) -> Result<Option<String>, NoAnswer> {
    Ok(direct.one::<Mark>(MARK, &[name])?.map(|mark| mark.value))
}

async fn run(store: &Store, sql: &str) {
    store.write.execute_unprepared(sql).await.unwrap();
}

async fn begin(store: &Store, id: Uuid, user: Uuid, ended_at: &str) {
    let sql = format!(
        "INSERT INTO sessions (id, secret_hash, user_id, remembered, created_at, last_used_at, expires_at, ends_at, \
         ended_at, version) VALUES ('{id}', '{id}', '{user}', 0, 3, 3, 1000, 1000, {ended_at}, 1)"
    );
    run(store, &sql).await;
}

/// Two users, one of them disabled, sessions in all states, and tokens of all kinds; answers the names of those.
async fn people(store: &Store) -> Vec<String> {
    run(
        store,
        "INSERT INTO consumers VALUES ('shop', 'shop', '', '[]', '[]', '\"none\"', '[]', 1, NULL, NULL, 1, NULL)",
    )
    .await;
    for (id, name, disabled_at) in [(ADA, "ada", "NULL"), (EVE, "eve", "7")] {
        let sql = format!(
            "INSERT INTO users (id, username, username_folded, access, created_at, disabled_at, version) \
             VALUES ('{id}', '{name}', '{name}', '[\"users.me.#\"]', 1, {disabled_at}, 1)"
        );
        run(store, &sql).await;
    }
    for (id, ended_at) in [(LIVE, "NULL"), (ENDED, "500"), (EXPIRED, "1000")] {
        begin(store, id, ADA, ended_at).await;
    }
    let kinds = [
        (PLAIN, ADA, None),
        (REVOKED, ADA, None),
        (DISABLED, EVE, None),
        (SESSION, ADA, Some(LIVE)),
        (ENDED_TOKEN, ADA, Some(ENDED)),
        (EXPIRED_TOKEN, ADA, Some(EXPIRED)),
    ];
    for (name, user, session) in kinds {
        let (token, secret) = (name.parse().unwrap(), Secret::new("hunter2"));
        let expires_at = Timestamp::from_millis(1000);
        let consumer = &"shop".parse().unwrap();
        let new = NewToken { token: &token, secret: &secret, consumer, user, session, expires_at };
        tokens::insert(&store.write, &store.seal, [new], Timestamp::from_millis(2)).await.unwrap();
    }
    run(store, "UPDATE tokens SET revoked_at = 9 WHERE token = 't_rrrrrrrrrrrrrrrrrrrrrrrrr'").await;
    kinds.iter().map(|(name, ..)| *name).chain([UNKNOWN]).map(str::to_owned).collect()
}

async fn credential(store: &Store, token: &str) -> crate::error::Result<Option<TokenCredential>> {
    tokens::credential(store, TokenId::read(token).unwrap()).await
}

fn words(found: Option<TokenCredential>) -> String {
    found.map_or("nothing".into(), |token| format!("{} {token:?}", token.secret.expose()))
}

#[tokio::test]
async fn both_ways_give_the_same_credential() {
    let (_ground, mut store) = store().await;
    let names = people(&store).await;
    let Some(direct) = store.direct.take() else { return };
    let mut other = Vec::new();
    for name in &names {
        other.push(words(credential(&store, name).await.unwrap()));
    }
    let at_once = |store: &Store, name: &str| tokens::credential_at_once(store, TokenId::read(name).unwrap());
    assert!(at_once(&store, PLAIN).is_none(), "sea-orm has to be waited for");
    // From here on, it has no answer.
    store.read.inner().clone().close().await.unwrap();
    assert!(credential(&store, PLAIN).await.is_err());
    store.direct = Some(direct);
    for (name, other) in names.iter().zip(other) {
        assert_eq!(words(credential(&store, name).await.unwrap()), other, "{name}");
        assert_eq!(words(at_once(&store, name).unwrap().unwrap()), other, "{name}");
        assert_eq!(other.contains("hunter2"), !other.contains("nothing"), "{other}");
        let revoked = [REVOKED, DISABLED, ENDED_TOKEN].contains(&name.as_str());
        assert_eq!(other.contains("revoked: true"), revoked, "{name}: {other}");
    }
}

#[tokio::test]
async fn what_was_ended_a_moment_ago_is_seen_ended() {
    let (_ground, store) = store().await;
    people(&store).await;
    if store.direct.is_none() {
        return;
    }
    store.read.inner().clone().close().await.unwrap();
    for round in 0..50 {
        for (change, back) in [
            ("tokens SET revoked_at = 9 WHERE token = 't_sssssssssssssssssssssssss'", "tokens SET revoked_at = NULL"),
            ("users SET disabled_at = 9", "users SET disabled_at = NULL"),
            ("sessions SET ended_at = 9", "sessions SET ended_at = NULL"),
        ] {
            run(&store, &format!("UPDATE {change}")).await;
            assert!(credential(&store, SESSION).await.unwrap().unwrap().facts.revoked, "{round}: {change}");
            run(&store, &format!("UPDATE {back}")).await;
            assert!(!credential(&store, SESSION).await.unwrap().unwrap().facts.revoked, "{round}: {back}");
        }
    }
}

/// A view in words, secrets and all.
/// A moment at which no session has come to its end by itself.
const EPOCH: Timestamp = Timestamp::from_millis(0);

fn seen(view: Option<SessionView>) -> String {
    let Some(view) = view else { return "nothing".into() };
    let token = view.token.as_ref().map(|known| (known.token.to_string(), known.secret.expose(), known.revoked));
    format!("{:?} {:?} {token:?} {:?}", view.session, view.user, view.data().unwrap())
}

#[tokio::test]
async fn both_ways_see_the_same_of_a_session() {
    let (_ground, mut store) = store().await;
    people(&store).await;
    let secrets = ["live", "ended", "visitor", "of eve", "unknown", "", "'", "\0"].map(Secret::new);
    let ids = [LIVE, ENDED, EXPIRED, Uuid::from_u128(6)];
    begin(&store, ids[3], EVE, "NULL").await;
    run(&store, &format!("DELETE FROM tokens WHERE session_id = '{EXPIRED}'")).await;
    run(&store, &format!("UPDATE sessions SET user_id = NULL, ended_at = NULL WHERE id = '{EXPIRED}'")).await;
    for (id, secret) in ids.iter().zip(&secrets) {
        sessions::set_secret(&store.write, *id, secret).await.unwrap();
    }
    for (id, namespace) in [(LIVE, "*"), (LIVE, "shop"), (LIVE, "blog"), (EXPIRED, "shop")] {
        run(&store, &format!("INSERT INTO session_data VALUES ('{id}', '{namespace}', '{{\"in\":\"{namespace}\"}}')"))
            .await;
    }
    let Some(direct) = store.direct.take() else { return };
    let (shop, other) = ("shop".parse().unwrap(), "unknown".parse().unwrap());
    let (shops, blogs) = ("shop".parse().unwrap(), "blog".parse().unwrap());
    let askers = [(None, None), (Some(&shop), Some(&shops)), (Some(&other), Some(&blogs))];
    let all = || secrets.iter().flat_map(|secret| askers.map(|(consumer, service)| (secret, consumer, service)));
    let mut others = Vec::new();
    for (secret, consumer, service) in all() {
        others.push(seen(session_views::find(&store, secret, consumer, service, EPOCH).await.unwrap()));
    }
    store.read.inner().clone().close().await.unwrap();
    store.direct = Some(direct);
    for ((secret, consumer, service), other) in all().zip(&others) {
        assert_eq!(
            seen(session_views::find(&store, secret, consumer, service, EPOCH).await.unwrap()),
            *other,
            "{secret:?}"
        );
    }
    // And it is what there is: token and data of the service that asks, and of no other.
    let [stranger, shop, blog, ..] = &others[..] else { panic!("{others:?}") };
    assert!(stranger.contains("ada") && !stranger.contains("hunter2"), "{stranger}");
    assert!(shop.contains(SESSION) && shop.contains("hunter2") && !shop.contains("blog"), "{shop}");
    assert!(blog.contains("blog") && !blog.contains("shop") && !blog.contains("hunter2"), "{blog}");
    assert!(others[6].contains("user: None") && others[9].contains("eve"), "{others:?}");
    assert!(others[3..6].iter().chain(&others[12..]).all(|other| other == "nothing"), "{others:?}");
}

/// A look-up that walks through a table would hold its worker for as long as that is.
#[test]
fn every_table_is_searched_by_a_key() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_ground, store) = runtime.block_on(store());
    let Some(direct) = &store.direct else { return };
    for (sql, tables) in [(tokens::JOINED, 3), (session_views::JOINED, 5)] {
        let connection = direct.take().unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let values = vec!["x"; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        assert!(steps.len() == tables && steps.iter().all(|step| step.starts_with("SEARCH")), "{steps:?}");
    }
}

/// Readers on threads of their own, while somebody writes and checkpoints: none may miss what was committed before it
/// began, and none keeps the log from being written back.
#[test]
fn readers_see_what_was_committed_before_and_hold_up_no_checkpoint() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (ground, store) = runtime.block_on(store());
    let Some(direct) = &store.direct else { return };
    runtime.block_on(marks::set(&store.write, "x", "0")).unwrap();
    let (committed, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = 0_u64;
                    while !stop.load(Ordering::SeqCst) {
                        let at_least = committed.load(Ordering::SeqCst);
                        // Busy is no answer, and is allowed; a wrong one is not.
                        let Ok(found) = mark(direct, "x") else { continue };
                        let found: u64 = found.unwrap().parse().unwrap();
                        assert!(found >= at_least, "saw {found} when {at_least} was committed");
                        answers += 1;
                    }
                    answers
                })
            })
            .collect();
        for version in 1..=300 {
            runtime.block_on(marks::set(&store.write, "x", &version.to_string())).unwrap();
            committed.store(version, Ordering::SeqCst);
            if version % 50 == 0 {
                runtime.block_on(run(&store, "PRAGMA wal_checkpoint(TRUNCATE)"));
            }
        }
        stop.store(true, Ordering::SeqCst);
        assert!(readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>() > 0);
    });
    assert_eq!(mark(direct, "x").unwrap().unwrap(), "300");
    runtime.block_on(run(&store, "PRAGMA wal_checkpoint(TRUNCATE)"));
    let log = std::fs::metadata(ground.path().join("test.db-wal")).unwrap();
    assert_eq!(log.len(), 0, "idle connections must hold no snapshot");
}

#[tokio::test]
async fn another_file_in_its_place_is_not_read() {
    let (ground, store) = store().await;
    let Some(direct) = &store.direct else { return };
    marks::set(&store.write, "x", "here").await.unwrap();
    assert_eq!(mark(direct, "x").unwrap().unwrap(), "here");
    let (file, aside) = (ground.path().join("test.db"), ground.path().join("aside.db"));
    std::fs::rename(&file, &aside).unwrap();
    std::thread::sleep(Duration::from_millis(LOOKS_EVERY + 50));
    assert!(mark(direct, "x").is_err(), "the file is gone");
    let elsewhere = ground.path().join("other.db");
    let other = Connection::open(&elsewhere).unwrap();
    other.execute_batch("CREATE TABLE marks (name TEXT, value TEXT); INSERT INTO marks VALUES ('x', 'there')").unwrap();
    drop(other);
    std::fs::rename(&elsewhere, &file).unwrap();
    assert!(mark(direct, "x").is_err(), "another database");
    // The same through sea-orm, whose connections still have the first file.
    assert_eq!(store.one::<Mark>(MARK, &["x"]).await.unwrap().unwrap().value, "here");
    std::fs::rename(&aside, &file).unwrap();
    assert_eq!(mark(direct, "x").unwrap().unwrap(), "here");
}

#[tokio::test]
async fn a_damaged_file_gives_no_wrong_answer() {
    let (ground, store) = store().await;
    people(&store).await;
    let Some(direct) = &store.direct else { return };
    run(&store, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    assert!(mark(direct, "nonces_server").is_ok());
    let path = ground.path().join("test.db");
    let file = File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    // First all but the first page, then that one too, then nothing is left.
    for from in [4096, 0] {
        file.write_all_at(&vec![0xa5; usize::try_from(length - from).unwrap()], from).unwrap();
        *direct.idle() = Some(Vec::new());
        assert!(direct.one::<Mark>(MARK, &["nonces_server"]).is_err());
        let said = credential(&store, PLAIN).await;
        assert!(!matches!(said, Ok(None)), "there is such a token");
    }
    file.set_len(0).unwrap();
    *direct.idle() = Some(Vec::new());
    assert!(mark(direct, "nonces_server").is_err());
    assert!(!matches!(credential(&store, PLAIN).await, Ok(None)));
}

/// What is sealed for another row is the same fault either way, and so is a table that is not there.
#[tokio::test]
async fn what_is_wrong_is_said_as_before() {
    let (_ground, store) = store().await;
    people(&store).await;
    run(&store, "UPDATE tokens SET sealed = (SELECT sealed FROM tokens WHERE token = 't_ppppppppppppppppppppppppp')")
        .await;
    let said = credential(&store, SESSION).await.unwrap_err();
    assert!(matches!(said, Error::Fault(crate::error::Fault::Sealed)), "{said:?}");
    run(&store, "UPDATE users SET access = 'none'").await;
    let said = credential(&store, PLAIN).await.unwrap_err();
    assert!(matches!(said, Error::Fault(crate::error::Fault::Damaged("users.access"))), "{said:?}");
    run(&store, "ALTER TABLE tokens RENAME TO hidden").await;
    let said = credential(&store, PLAIN).await.unwrap_err();
    assert!(matches!(said, Error::Fault(crate::error::Fault::Store(_))), "{said:?}");
    run(&store, "ALTER TABLE hidden RENAME TO tokens").await;
    assert!(credential(&store, UNKNOWN).await.unwrap().is_none());
}

/// A file that somebody has for themselves: no answer, and at once.
#[test]
fn a_locked_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked.db");
    let owner = Connection::open(&path).unwrap();
    owner.execute_batch("CREATE TABLE marks (name TEXT, value TEXT); INSERT INTO marks VALUES ('x', '1')").unwrap();
    let direct = Direct::at(&path).unwrap();
    assert_eq!(mark(&direct, "x").unwrap().unwrap(), "1");
    owner.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(mark(&direct, "x").is_err());
    owner.execute_batch("UPDATE marks SET value = '2'; COMMIT").unwrap();
    assert_eq!(mark(&direct, "x").unwrap().unwrap(), "2");
    let timeout: i64 = direct.take().unwrap().query_row("PRAGMA busy_timeout", [], |row| row.get(0)).unwrap();
    assert_eq!(timeout, 0);
    direct.close();
    assert!(mark(&direct, "x").is_err(), "closed");
}

#[tokio::test]
async fn a_path_may_have_any_characters() {
    let ground = Ground::new();
    let folder = ground.path().join("a b?c%d#e%20f&g=h'ü");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("x.db").display().to_string();
    let url = format!("sqlite:{}", path.replace('%', "%25").replace('?', "%3F"));
    let store = Store::open(&Database::at(url), &[sealed::new_key()]).await.unwrap();
    marks::set(&store.write, "x", "1").await.unwrap();
    assert!(std::path::Path::new(&path).exists());
    assert_eq!(mark(store.direct.as_ref().unwrap(), "x").unwrap().unwrap(), "1");
    store.close().await;
    assert!(!std::path::Path::new(&format!("{path}-wal")).exists(), "the log was written back");
}

/// A database in memory has no file; `:memory:` opened twice would be two databases.
#[tokio::test]
async fn a_database_in_memory_is_not_read_directly() {
    let place = crate::store::connect::Place::parse(&Secret::new("sqlite::memory:")).unwrap();
    assert!(place.file().and_then(|file| Direct::at(&file)).is_none());
}
