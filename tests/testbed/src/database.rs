//! Databases on a server, each for one test.

use migrations::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use std::sync::atomic::{AtomicU64, Ordering};

/// A database that is dropped at the end.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
    url: String,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Database {
    /// An empty one on the server of this URL.
    pub fn empty(server: &str) -> Self {
        let name = fresh_name();
        on(server, &[&format!("CREATE DATABASE {name}")]).unwrap();
        Self::named(server, name)
    }

    /// One that has the schema already: a copy of one that is made once for each server.
    pub fn with_schema(server: &str) -> Self {
        let steps = Migrator::migrations();
        let template = format!("template_{}_{}", steps.len(), steps.last().map_or("none", |step| step.name()));
        let name = fresh_name();
        let copy = format!("CREATE DATABASE {name} TEMPLATE {template}");
        if on(server, &[&copy]).is_err() {
            make_template(server, &template);
            on(server, &[&copy]).unwrap();
        }
        Self::named(server, name)
    }

    fn named(server: &str, name: String) -> Self {
        Self { server: server.into(), url: with_name(server, &name), name }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All rows of all tables.
    pub fn text(&self) -> String {
        let url = self.url.clone();
        let rows = "SELECT query_to_xml(format('TABLE %I', table_name), true, false, '')::text AS rows \
                    FROM information_schema.tables WHERE table_schema = 'public'";
        block_on(async move {
            let connection = connect(&url).await?;
            let tables = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, rows)).await?;
            connection.close().await?;
            tables.iter().map(|table| table.try_get::<String>("", "rows")).collect::<Result<String, _>>()
        })
        .unwrap()
    }

    /// Carries out statements in it.
    pub fn run(&self, statements: &[&str]) {
        on(&self.url, statements).unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that is gone has taken it along.
        let _ = on(&self.server, &[&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)]);
    }
}

fn fresh_name() -> String {
    format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Made under another name and then renamed: two at once, and one of them finds that it is there.
fn make_template(server: &str, template: &str) {
    let draft = Database::empty(server);
    let url = draft.url.clone();
    block_on(async move {
        let connection = connect(&url).await?;
        Migrator::up(&connection, None).await?;
        connection.close().await
    })
    .unwrap();
    let _ = on(server, &[&format!("ALTER DATABASE {} RENAME TO {template}", draft.name)]);
}

/// The URL of another database on the same server.
fn with_name(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let (scheme, rest) = base.split_once("://").expect("a URL");
    let authority = rest.split('/').next().unwrap_or(rest);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{authority}/{name}{query}")
}

/// Carries out statements in the database of a URL, each by itself.
pub fn run(url: &str, statements: &[&str]) {
    on(url, statements).unwrap();
}

pub(crate) fn on(url: &str, statements: &[&str]) -> Result<(), sea_orm::DbErr> {
    let (url, statements) = (url.to_owned(), statements.iter().map(|sql| (*sql).to_owned()).collect::<Vec<_>>());
    block_on(async move {
        let connection = connect(&url).await?;
        for sql in statements {
            connection.execute_unprepared(&sql).await?;
        }
        connection.close().await
    })
}

/// The one number that a query answers.
pub fn number(url: &str, sql: &str) -> Result<i64, sea_orm::DbErr> {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    block_on(async move {
        let connection = connect(&url).await?;
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        connection.close().await?;
        row.ok_or_else(|| sea_orm::DbErr::RecordNotFound("no row".into()))?.try_get_by_index(0)
    })
}

async fn connect(url: &str) -> Result<DatabaseConnection, sea_orm::DbErr> {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await
}

/// In a thread of its own, because some tests have a runtime under way already.
fn block_on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
    std::thread::spawn(run).join().unwrap()
}
