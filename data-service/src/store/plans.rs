//! How the database goes about each statement: for tests which hold that nothing reads a whole table.
//!
//! The statements are not written down a second time. Whoever drives the store hears them, values and all.

use super::{Engine, Store};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The statements that a store was asked to carry out.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Statement>>>);

/// A statement, and the steps in which the database carries it out.
#[derive(Debug)]
pub(crate) struct Planned {
    statement: Statement,
    pub(crate) steps: Vec<String>,
}

/// Tables that do not grow with the users.
const SMALL: [&str; 6] = ["consumers", "consumer_secrets", "instances", "marks", "setup_links", "seaql_migrations"];
/// Columns by which a row is among very many.
const STATES: [&str; 2] = ["ended_at", "revoked_at"];

impl Planned {
    async fn new(store: &Store, statement: Statement) -> Self {
        let (explain, column) = match store.engine {
            Engine::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
            Engine::Postgres => ("EXPLAIN (COSTS OFF)", "QUERY PLAN"),
        };
        // SQLite looks whether the schema has changed when it executes, and this executes nothing: so it is asked by whom
        // the schema was changed, and each question is a new one.
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let mut asked = statement.clone();
        asked.sql = format!("{explain} /* {} */ {}", ASKED.fetch_add(1, Ordering::Relaxed), statement.sql);
        let rows = store.write.query_all_raw(asked).await;
        let rows = rows.unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
        Self { steps: rows.iter().map(|row| row.try_get("", column).unwrap()).collect(), statement }
    }

    /// The same statement as the database would carry it out now.
    pub(crate) async fn again(&self, store: &Store) -> Self {
        Self::new(store, self.statement.clone()).await
    }

    /// The statement, without its values.
    pub(crate) fn sql(&self) -> &str {
        &self.statement.sql
    }

    /// True if it finds its rows by this index.
    pub(crate) fn uses(&self, index: &str) -> bool {
        self.steps.iter().any(|step| step.contains(index))
    }

    /// True if it may have to look at all of a table that grows with the users, or at all that live in it.
    pub(crate) fn reads_a_whole_table(&self, engine: Engine) -> bool {
        match engine {
            Engine::Sqlite => self.steps.iter().any(|step| !self.is_short_on_sqlite(step)),
            Engine::Postgres => (0..self.steps.len()).any(|step| !self.is_short_on_postgres(step)),
        }
    }

    /// True if what is asked for are the first rows in the order of an index, and the index has met all conditions.
    fn ends_early(&self, conditions: usize) -> bool {
        let asked = if self.sql().contains(" WHERE ") { 1 + self.sql().matches(" AND ").count() } else { 0 };
        let sorted = self.steps.iter().any(|step| step.contains("TEMP B-TREE") || step.contains("Sort"));
        self.sql().contains(" LIMIT ") && !sorted && asked == conditions
    }

    /// `SCAN table`, `SEARCH table USING INDEX index (column=? AND other>?)`.
    fn is_short_on_sqlite(&self, step: &str) -> bool {
        let mut words = step.split(' ');
        let (how, table) = (words.next().unwrap(), words.next().unwrap_or(""));
        if SMALL.contains(&table) || step.ends_with("CONSTANT ROW") || step.ends_with("CONSTANT ROWS") {
            return true;
        }
        let conditions = step.split_once(" (").and_then(|(_, rest)| rest.split_once(')'));
        match (how, conditions) {
            ("SCAN", _) => self.ends_early(0),
            ("SEARCH", Some((conditions, _))) => {
                let conditions: Vec<&str> = conditions.split(" AND ").collect();
                let equals = conditions.iter().filter_map(|condition| condition.strip_suffix("=?"));
                equals.into_iter().any(|column| !STATES.contains(&column)) || self.ends_early(conditions.len())
            }
            _ => true,
        }
    }

    /// `Seq Scan on table`, `Index Scan using index on table` with its conditions in the lines below.
    fn is_short_on_postgres(&self, place: usize) -> bool {
        let step = self.steps[place].trim_start_matches([' ', '-', '>']);
        let table = step.split_once(" on ").map_or("", |(_, rest)| rest.split(' ').next().unwrap_or(""));
        if SMALL.contains(&table) {
            return true;
        }
        let next = self.steps.get(place + 1).map_or("", |next| next.trim_start());
        let ordered = step.starts_with("Index Scan ") || step.starts_with("Index Only Scan ");
        match () {
            () if step.contains("Seq Scan on ") => false,
            () if ordered => next.starts_with("Index Cond: ") || self.ends_early(0),
            () => true,
        }
    }
}

impl Heard {
    /// Listens to a store that nobody has shared yet. From here on it takes no short way.
    pub(crate) fn listen(store: &mut Store) -> Self {
        let heard = Self::default();
        store.direct = None;
        for connection in [&mut store.read, &mut store.write] {
            let heard = heard.clone();
            connection.inner_mut().set_metric_callback(move |info| {
                assert!(!info.failed, "{}", info.statement);
                heard.0.lock().unwrap().push(info.statement.clone());
            });
        }
        heard
    }

    /// How what was heard since the last time is carried out.
    pub(crate) async fn plans(&self, store: &Store) -> Vec<Planned> {
        let mut plans = Vec::new();
        for statement in self.take() {
            plans.push(Planned::new(store, statement).await);
        }
        // The questions were heard, too.
        self.take();
        plans
    }

    fn take(&self) -> Vec<Statement> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The name of each index on a table that grows with the users, and what makes it. (SQLite.)
pub(crate) async fn indexes(store: &Store) -> Vec<(String, String)> {
    let sql = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
    let rows = store.read().query_all_raw(Statement::from_string(store.read().get_database_backend(), sql)).await;
    let text = |row: &QueryResult, column| row.try_get::<String>("", column).unwrap();
    let rows = rows.unwrap();
    let large = rows.iter().filter(|row| !SMALL.contains(&text(row, "tbl_name").as_str()));
    large.map(|row| (text(row, "name"), text(row, "sql"))).collect()
}
