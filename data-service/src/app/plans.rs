//! Nothing that a request waits for, or that is done by the clock, reads a whole table that grows with the users: asked
//! of the database itself, about every statement of every command.

use crate::caller::Caller;
use crate::commands::tests::rooms;
use crate::commands::{self, Rooms, Run};
use crate::events::Watch;
use crate::guard::cache::Cache;
use crate::guard::uses::Uses;
use crate::store::credentials::TokenId;
use crate::store::plans::{Heard, Planned, indexes};
use crate::store::{ConnectionTrait as _, Engine, consumers, sweep, tokens};
use serde_json::{Value, json};
use shared::command::*;
use std::sync::Arc;
use std::time::Duration;

/// Rows of each kind that lie there already.
const ROWS: u32 = 20_000;

/// A house that hears what it asks its store for, and by which command.
struct Driven {
    rooms: Rooms,
    heard: Heard,
    said: Vec<&'static str>,
    plans: Vec<(&'static str, Planned)>,
}

impl Driven {
    async fn say<C: Run>(&mut self, caller: &Caller, command: Value) -> Value {
        let command: C = serde_json::from_value(command).unwrap();
        let reply = commands::call(&self.rooms, caller, command).await.unwrap();
        self.said.push(C::NAME);
        self.note(C::NAME).await;
        serde_json::to_value(reply).unwrap()
    }

    /// How everything since the last time is carried out.
    async fn note(&mut self, name: &'static str) {
        let plans = self.heard.plans(&self.rooms.store).await;
        self.plans.extend(plans.into_iter().map(|plan| (name, plan)));
    }

    async fn signed(&self, consumer: &str, token: Option<&str>) -> Caller {
        let store = &self.rooms.store;
        let now = self.rooms.clock.now();
        let consumer = consumers::credential(store.read(), &store.seal, consumer, now).await.unwrap().unwrap();
        let token = match token {
            Some(token) => {
                let token = TokenId::read(token).unwrap();
                Some(tokens::credential(store, token).await.unwrap().unwrap().facts)
            }
            None => None,
        };
        Caller::Signed { consumer: Arc::new(consumer), token }
    }
}

/// Users, each with a session, a token, a device and more; some of it over, some of it to be swept.
async fn fill(rooms: &Rooms) {
    let now = rooms.clock.now().millis();
    let n = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})");
    let id = |kind: u32| format!("'00000000-0000-7000-800{kind}-' || (100000000000 + i)");
    let (user, session) = (id(0), id(1));
    // Minutes before now, the last two months through.
    let past = format!("{now} - i % 86400 * 60000");
    let future = format!("{now} + i % 86400 * 60000 + 60000");
    for sql in [
        format!(
            "INSERT INTO users (id, username, username_folded, access, created_at, version) \
             {n} SELECT {user}, 'u' || i, 'u' || i, '[\"users.me.#\"]', {past}, 1 FROM n"
        ),
        format!(
            "INSERT INTO consumers (key, service, label, access, signature_methods, body_hash, locations, created_at, \
             version) {n} SELECT 'c' || i, 'c' || i, '', '[]', '[]', '\"required\"', '[]', 1, 1 FROM n WHERE i <= 100"
        ),
        format!(
            "INSERT INTO sessions (id, secret_hash, user_id, remembered, created_at, last_used_at, expires_at, ends_at, \
             ended_at, version) {n} SELECT {session}, 'h' || i, {user}, 0, {past}, {past}, {future}, {future}, \
             CASE WHEN i % 3 = 0 THEN {past} END, 1 FROM n"
        ),
        format!(
            "INSERT INTO tokens (token, consumer_key, user_id, session_id, sealed, created_at, expires_at, revoked_at) \
             {n} SELECT 't' || i, 'c' || (1 + i % 100), {user}, {session}, '', {past}, {future}, \
             CASE WHEN i % 3 = 0 THEN {past} END FROM n"
        ),
        format!("INSERT INTO session_data {n} SELECT {session}, '*', '{{}}' FROM n"),
        format!("INSERT INTO devices {n} SELECT 'd' || i, {user}, {past}, {past} FROM n"),
        format!("INSERT INTO throttles {n} SELECT 'b' || i, 1, {past}, {now} - i * 4300 FROM n"),
        format!("INSERT INTO profiles {n} SELECT {user}, 'c' || (1 + i % 100), '{{}}', {past}, 1 FROM n"),
        format!(
            "INSERT INTO events (at, topic, subject, data) {n} SELECT {past}, 'user.created', {user}, '{{}}' FROM n"
        ),
    ] {
        let outcome = rooms.store.alone().execute_unprepared(&sql).await;
        outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

async fn drive(driven: &mut Driven) {
    let (root, visitor) = (Caller::Operator, json!({}));
    let link = commands::new_link(&driven.rooms.store, driven.rooms.clock.now()).await.unwrap().unwrap();
    let first = json!({ "link": link, "username": "root", "password": "correct horse battery" });
    driven.say::<ClaimSetup>(&root, first).await;
    // Services, users, tokens.
    let made = driven.say::<CreateConsumer>(&root, json!({ "service": "shop" })).await;
    let key = made["key"].as_str().unwrap().to_owned();
    driven.say::<UpdateConsumer>(&root, json!({ "key": key, "patch": { "access": ["#"] } })).await;
    driven.say::<RotateConsumer>(&root, json!({ "key": key })).await;
    driven.say::<GetConsumer>(&root, json!({ "key": key })).await;
    driven.say::<GetConsumerImpact>(&root, json!({ "key": key })).await;
    driven.say::<ListConsumers>(&root, json!({})).await;
    let ada = json!({ "username": "ada", "email": "ada@example.org", "password": "correct horse battery" });
    let id = driven.say::<CreateUser>(&root, ada).await["id"].clone();
    let user = json!({ "id": id });
    let login = json!({ "username": "ada", "password": "correct horse battery",
                        "client": { "address": "192.0.2.1" } });
    driven.say::<SetAccess>(&root, json!({ "id": id, "access": ["#"] })).await;
    driven.say::<GetAccess>(&root, user.clone()).await;
    driven.say::<UpdateUser>(&root, json!({ "id": id, "patch": { "name": "Ada" } })).await;
    driven.say::<GetUser>(&root, user.clone()).await;
    driven.say::<ListUsers>(&root, json!({ "after": id })).await;
    driven.say::<ListUsers>(&root, json!({ "search": "u1" })).await;
    let token = driven.say::<CreateToken>(&root, json!({ "user": id, "consumer": key })).await;
    // As the guard looks them up.
    let token = token["token"].as_str().unwrap();
    let (shop, me) = (driven.signed(&key, None).await, driven.signed(&key, Some(token)).await);
    driven.note("guard").await;
    driven.say::<Whoami>(&me, json!({})).await;
    for verb in ["first", "again"] {
        driven.say::<PutProfile>(&me, json!({ "id": "me", "document": { "x": verb } })).await;
    }
    driven.say::<PatchProfile>(&me, json!({ "id": "me", "patch": { "y": 1 } })).await;
    driven.say::<GetProfile>(&me, json!({ "id": "me" })).await;
    driven.say::<DeleteProfile>(&me, json!({ "id": "me" })).await;
    // Sessions.
    let mut login_again = login.clone();
    login_again["sessionid"] = driven.say::<CreateSession>(&shop, visitor).await["sessionid"].clone();
    let session = driven.say::<Authenticate>(&shop, login_again).await;
    let other = driven.say::<Authenticate>(&shop, login.clone()).await;
    let sessionid = json!({ "sessionid": session["sessionid"] });
    driven.say::<ResolveSession>(&shop, sessionid.clone()).await;
    let save = json!({ "sessionid": session["sessionid"], "patch": { "own": { "x": 1 }, "shared": { "y": 1 } } });
    driven.say::<SaveSession>(&shop, save).await;
    driven.say::<TouchSession>(&shop, sessionid.clone()).await;
    let cycled = driven.say::<CycleSession>(&shop, sessionid).await;
    let listed = driven.say::<ListSessions>(&me, json!({ "id": "me", "limit": 1 })).await;
    driven.say::<ListSessions>(&me, json!({ "id": "me", "after": listed["next"] })).await;
    let listed = driven.say::<ListTokens>(&me, json!({ "id": "me", "limit": 1 })).await;
    driven.say::<ListTokens>(&me, json!({ "id": "me", "after": listed["next"] })).await;
    driven.say::<EndSession>(&shop, json!({ "sessionid": cycled["sessionid"] })).await;
    let other = driven.say::<ResolveSession>(&shop, json!({ "sessionid": other["sessionid"] })).await;
    driven.say::<RevokeSession>(&me, json!({ "id": "me", "session": other["id"] })).await;
    driven.say::<Authenticate>(&shop, login).await;
    driven.say::<EndOtherSessions>(&me, json!({ "id": "me" })).await;
    driven.say::<ListEvents>(&root, json!({ "after": 1 })).await;
    driven.say::<GetStats>(&root, json!({})).await;
    driven.say::<RevokeToken>(&me, json!({ "token": "self" })).await;
    // By the clock.
    let (store, clock) = (Arc::clone(&driven.rooms.store), driven.rooms.clock.clone());
    let names = ("one".to_owned(), "one".to_owned());
    let mut watch = Watch::start(Arc::clone(&store), names, Duration::from_secs(1), clock.now()).await.unwrap();
    let uses = Uses::default();
    let Caller::Signed { consumer, token } = &me else { panic!() };
    uses.consumer(&consumer.key);
    uses.secret(consumer.secrets[0].id);
    let (cache, token) = (Cache::default(), token.as_ref().unwrap().token);
    cache.load_token(&store, token, clock.now()).await.unwrap();
    uses.token(|| cache.tokens.note_use(token, clock.now()));
    uses.write(&cache, &store, clock.now()).await.unwrap();
    driven.say::<DisableUser>(&root, user.clone()).await;
    driven.say::<EnableUser>(&root, user.clone()).await;
    watch.catch_up(clock.now(), |_| {}, |_| {}).await.unwrap();
    assert!(store.answers().await);
    driven.note("housekeeping").await;
    sweep::all(&store, &clock, Duration::from_secs(55 * 24 * 3600)).await.unwrap();
    driven.note("sweep").await;
    // The end.
    driven.say::<SetPassword>(&root, json!({ "id": id, "password": "another horse battery" })).await;
    driven.say::<DeleteUser>(&root, user).await;
    driven.say::<DrainConsumer>(&root, json!({ "key": key })).await;
    driven.say::<UndrainConsumer>(&root, json!({ "key": key })).await;
    driven.say::<RevokeConsumer>(&root, json!({ "key": key })).await;
    driven.say::<PurgeConsumer>(&root, json!({ "key": key, "profiles": true })).await;
}

/// What reads a whole table nevertheless: who asks, a part of the statement, and why it may.
const WHOLE: [(&str, &str, &str); 4] = [
    ("stats", "count", "to count the living is to look at each of them; in an index they lie close together"),
    ("user.list", "like", "an administrator looks for how a name or an address begins"),
    ("setup.claim", "access", "once in the life of an installation, and the first administrator found is enough"),
    ("consumer.purge", "profiles", "once in the life of a service, if at all"),
];

fn exception(name: &str, plan: &Planned) -> Option<usize> {
    let sql = plan.sql().to_lowercase();
    WHOLE.iter().position(|(who, part, _)| *who == name && sql.contains(part))
}

/// Everything there is to say, said.
async fn driven(analyzed: bool) -> (testbed::Ground, Driven) {
    let (ground, mut rooms) = rooms().await;
    fill(&rooms).await;
    if analyzed {
        rooms.store.alone().execute_unprepared("ANALYZE").await.unwrap();
    }
    let heard = Heard::listen(Arc::get_mut(&mut rooms.store).unwrap());
    let mut driven = Driven { rooms, heard, said: Vec::new(), plans: Vec::new() };
    drive(&mut driven).await;
    (ground, driven)
}

async fn nothing_reads_a_whole_table(analyzed: bool) {
    let (_ground, driven) = driven(analyzed).await;
    let engine = driven.rooms.store.engine();
    let (mut bad, mut exceptions) = (Vec::new(), [false; WHOLE.len()]);
    for (name, plan) in driven.plans.iter().filter(|(_, plan)| plan.reads_a_whole_table(engine)) {
        match exception(name, plan) {
            Some(exception) => exceptions[exception] = true,
            None => bad.push(format!("{name}: {}\n    {:?}", plan.sql(), plan.steps)),
        }
        if *name == "stats" && engine == Engine::Sqlite {
            let searches = || plan.steps.iter().filter(|step| step.starts_with("SEARCH"));
            assert!(searches().count() > 0 && searches().all(|step| step.contains("COVERING INDEX")), "{plan:?}");
        }
    }
    assert!(bad.is_empty(), "{} statements read a whole table:\n{}", bad.len(), bad.join("\n"));
    assert_eq!(exceptions, [true; WHOLE.len()], "an exception that is none any more");
    macro_rules! was_said {
        ($($command:ty,)*) => { $(assert!(driven.said.contains(&<$command>::NAME), "{}", <$command>::NAME);)* };
    }
    shared::for_each_command!(was_said);
}

/// As in a database of which the engine knows nothing but the schema.
#[tokio::test]
async fn nothing_reads_a_whole_table_by_the_schema_alone() {
    nothing_reads_a_whole_table(false).await;
}

/// As in one that was closed in order: then SQLite has looked at how much of what there is, and plans otherwise.
#[tokio::test]
async fn nothing_reads_a_whole_table_with_statistics() {
    nothing_reads_a_whole_table(true).await;
}

/// Without this index a login goes through all sessions that its user had in a month: no whole table, but much where
/// somebody signs in every minute.
const OF_A_USER: &str = "sessions_alive_by_user";

/// Each index is there for something, and whoever takes it away is told so. (PostgreSQL does not say what a foreign key
/// reads.)
#[tokio::test]
async fn without_any_one_index_something_does() {
    for analyzed in [false, true] {
        let (_ground, driven) = driven(analyzed).await;
        let store = &driven.rooms.store;
        if store.engine() == Engine::Postgres {
            return;
        }
        let indexes = indexes(store).await;
        assert!(indexes.len() > 8, "{indexes:?}");
        for (name, made_by) in indexes {
            store.alone().execute_unprepared(&format!("DROP INDEX {name}")).await.unwrap();
            let mut noticed = name == OF_A_USER && driven.plans.iter().any(|(_, plan)| plan.uses(OF_A_USER));
            for (_, plan) in driven.plans.iter().filter(|(who, plan)| exception(who, plan).is_none()) {
                noticed |= plan.again(store).await.reads_a_whole_table(Engine::Sqlite);
            }
            assert!(noticed, "nothing needs {name}");
            store.alone().execute_unprepared(&made_by).await.unwrap();
        }
    }
}
