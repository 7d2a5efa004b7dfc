//! The table of tokens.

use super::credentials::{ShortSecret, TokenCredential, TokenFacts, TokenId};
use super::direct::{Columns, Number};
use super::entity::token::{ActiveModel, Column, Entity, Model};
use super::sealed::Seal;
use super::{Engine, Store, consumers, known, parse};
use crate::error::{Fault, Result};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select, Statement,
};
use shared::command::{Impact, Token};
use shared::id::{ConsumerKey, TokenKey};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use uuid::{NonNilUuid, Uuid};

/// A token about to be made.
pub(crate) struct NewToken<'a> {
    /// Its key.
    pub(crate) token: &'a TokenKey,
    /// Its secret.
    pub(crate) secret: &'a Secret,
    /// Who may use it.
    pub(crate) consumer: &'a ConsumerKey,
    /// For whom.
    pub(crate) user: Uuid,
    /// The session it belongs to.
    pub(crate) session: Option<Uuid>,
    /// When it ends by itself.
    pub(crate) expires_at: Timestamp,
}

/// A token of a session, as `session.resolve` gives it again.
pub(crate) struct Known {
    /// Its key.
    pub(crate) token: TokenKey,
    /// Its secret.
    pub(crate) secret: Secret,
    /// True once it was ended.
    pub(crate) revoked: bool,
}

fn sealed_row(token: &str) -> String {
    format!("tokens/{token}")
}

/// Adds tokens, many in one statement.
pub(crate) async fn insert(
    on: &impl ConnectionTrait,
    seal: &Seal,
    new: impl IntoIterator<Item = NewToken<'_>>,
    now: Timestamp,
) -> Result<()> {
    let rows = new.into_iter().map(|new| ActiveModel {
        token: Set(new.token.as_str().into()),
        consumer_key: Set(new.consumer.as_str().into()),
        user_id: Set(new.user.to_string()),
        session_id: Set(new.session.map(|id| id.to_string())),
        sealed: Set(seal.seal(&sealed_row(new.token.as_str()), new.secret)),
        created_at: Set(now.millis()),
        expires_at: Set(new.expires_at.millis()),
        last_used_at: Set(None),
        revoked_at: Set(None),
    });
    Entity::insert_many(rows).exec_without_returning(on).await?;
    Ok(())
}

/// A token with the user and the session it belongs to.
#[derive(FromQueryResult)]
struct Joined {
    consumer_key: String,
    user_id: String,
    session_id: Option<String>,
    sealed: String,
    expires_at: i64,
    revoked_at: Option<i64>,
    access: String,
    disabled_at: Option<i64>,
    signed_in_at: Option<i64>,
    ended_at: Option<i64>,
    last_used_at: Option<i64>,
    place: i64,
}

impl Columns for Joined {
    fn take(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            consumer_key: row.get(0)?,
            user_id: row.get(1)?,
            session_id: row.get(2)?,
            sealed: row.get(3)?,
            expires_at: row.get(4)?,
            revoked_at: row.get(5)?,
            access: row.get(6)?,
            disabled_at: row.get(7)?,
            signed_in_at: row.get(8)?,
            ended_at: row.get(9)?,
            last_used_at: row.get(10)?,
            place: row.get(11)?,
        })
    }
}

/// One look-up by primary keys: the first sight of a token waits for it. `$place` is where a row lies.
macro_rules! joined {
    ($place:literal) => {
        concat!(
            "SELECT t.consumer_key, t.user_id, t.session_id, t.sealed, t.expires_at, t.revoked_at, ",
            "u.access, u.disabled_at, s.created_at AS signed_in_at, s.ended_at, t.last_used_at, ",
            $place,
            " AS place FROM tokens t JOIN users u ON u.id = t.user_id LEFT JOIN sessions s ON s.id = t.session_id ",
            "WHERE t.token = $1"
        )
    };
}

pub(super) const JOINED: &str = joined!("t.rowid");
const JOINED_ELSEWHERE: &str = joined!("CAST(0 AS BIGINT)");

/// What the guard needs of a token; ended ones too.
pub(crate) async fn credential(store: &Store, token: TokenId) -> Result<Option<TokenCredential>> {
    let joined = if store.engine == Engine::Sqlite { JOINED } else { JOINED_ELSEWHERE };
    let row = store.one::<Joined>(joined, &[token.text().as_str()]).await?;
    row.map(|row| opened(store, token, row)).transpose()
}

/// The same, if it can be read on this thread, as nearly always on SQLite and never elsewhere.
pub(crate) fn credential_at_once(store: &Store, token: TokenId) -> Option<Result<Option<TokenCredential>>> {
    let row = store.one_at_once::<Joined>(JOINED, &[token.text().as_str()]).ok()?;
    Some(row.map(|row| opened(store, token, row)).transpose())
}

fn opened(store: &Store, token: TokenId, row: Joined) -> Result<TokenCredential> {
    let session: Option<Uuid> = row.session_id.map(|id| known("tokens.session_id", &id)).transpose()?;
    let facts = TokenFacts {
        token,
        common: store.commons.share(&row.consumer_key, &row.access, |access| parse("users.access", access))?,
        user: known("tokens.user_id", &row.user_id)?,
        session: session.and_then(NonNilUuid::new),
        signed_in_at: Timestamp::from_millis(row.signed_in_at.unwrap_or(row.expires_at)),
        expires_at: Timestamp::from_millis(row.expires_at),
        revoked: row.revoked_at.is_some()
            || row.disabled_at.is_some()
            // A session that came to its end by itself has revoked nothing.
            || row.ended_at.is_some_and(|ended_at| ended_at < row.expires_at),
    };
    let secret = store.seal.open(&sealed_row(token.text().as_str()), &row.sealed)?;
    // PostgreSQL tells no place that would stay; any other order spreads them as well.
    let place = if store.engine == Engine::Sqlite {
        u32::try_from(row.place).ok()
    } else {
        u32::try_from(token.bits() >> 44).ok()
    };
    Ok(TokenCredential {
        facts,
        secret: ShortSecret::new(&secret).ok_or(Fault::Damaged("tokens.sealed"))?,
        last_used_at: row.last_used_at.map(Timestamp::from_millis),
        place: place.unwrap_or(u32::MAX),
    })
}

/// The token of a consumer for a session, if it has one.
pub(crate) async fn of_session(
    on: &impl ConnectionTrait,
    seal: &Seal,
    session: Uuid,
    consumer: &ConsumerKey,
) -> Result<Option<Known>> {
    let row = Entity::find()
        .filter(Column::SessionId.eq(session.to_string()))
        .filter(Column::ConsumerKey.eq(consumer.as_str()))
        .one(on)
        .await?;
    row.map(|row| open_known(seal, &row.token, &row.sealed, row.revoked_at)).transpose()
}

/// The columns of such a token, opened.
pub(super) fn open_known(seal: &Seal, token: &str, sealed: &str, revoked_at: Option<i64>) -> Result<Known> {
    let (token, secret) = (known("tokens.token", token)?, seal.open(&sealed_row(token), sealed)?);
    Ok(Known { token, secret, revoked: revoked_at.is_some() })
}

/// Whose a token is, and its session.
pub(crate) async fn owner(on: &impl ConnectionTrait, token: &TokenKey) -> Result<Option<(Uuid, Option<Uuid>)>> {
    let Some(row) = Entity::find_by_id(token.as_str()).one(on).await? else { return Ok(None) };
    let session = row.session_id.map(|id| known("tokens.session_id", &id)).transpose()?;
    Ok(Some((known("tokens.user_id", &row.user_id)?, session)))
}

/// Which tokens an ending is about.
pub(crate) enum Which<'a> {
    /// One.
    Token(&'a TokenKey),
    /// All of a consumer.
    Consumer(&'a ConsumerKey),
    /// All of a user.
    User(Uuid),
    /// All of a session.
    Session(Uuid),
}

impl Which<'_> {
    fn condition(&self) -> Condition {
        Condition::all().add(match self {
            Self::Token(token) => Column::Token.eq(token.as_str()),
            Self::Consumer(key) => Column::ConsumerKey.eq(key.as_str()),
            Self::User(id) => Column::UserId.eq(id.to_string()),
            Self::Session(id) => Column::SessionId.eq(id.to_string()),
        })
    }
}

fn alive(now: Timestamp) -> Condition {
    Condition::all().add(Column::RevokedAt.is_null()).add(Column::ExpiresAt.gt(now.millis()))
}

/// Ends tokens; answers how many of them were alive.
pub(crate) async fn revoke(on: &impl ConnectionTrait, which: Which<'_>, now: Timestamp) -> Result<u64> {
    let alive = Entity::find().filter(which.condition()).filter(alive(now)).count(on).await?;
    Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now.millis()))
        .filter(which.condition())
        .filter(Column::RevokedAt.is_null())
        .exec(on)
        .await?;
    Ok(alive)
}

/// Removes the tokens of a consumer; answers how many there were.
pub(crate) async fn delete_of_consumer(on: &impl ConnectionTrait, key: &ConsumerKey) -> Result<u64> {
    Ok(Entity::delete_many().filter(Which::Consumer(key).condition()).exec(on).await?.rows_affected)
}

/// Notes how long the tokens of a session last now.
pub(crate) async fn set_expiry(on: &impl ConnectionTrait, session: Uuid, expires_at: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(expires_at.millis()))
        .filter(Column::SessionId.eq(session.to_string()))
        .filter(Column::RevokedAt.is_null())
        .exec(on)
        .await?;
    Ok(())
}

/// The keys of tokens, ended ones too: what caches have to forget.
pub(crate) async fn keys(on: &impl ConnectionTrait, which: Which<'_>) -> Result<Vec<String>> {
    let keys = Entity::find().select_only().column(Column::Token).filter(which.condition());
    Ok(keys.into_tuple().all(on).await?)
}

/// The live tokens of a user, newest first.
pub(crate) async fn list(
    on: &impl ConnectionTrait,
    user: Uuid,
    after: Option<(i64, String)>,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<Token>> {
    let mut query = Entity::find()
        .filter(Column::UserId.eq(user.to_string()))
        .filter(alive(now))
        .order_by_desc(Column::CreatedAt)
        .order_by_asc(Column::Token)
        .limit(limit);
    if let Some((created_at, token)) = after {
        let same = Condition::all().add(Column::CreatedAt.eq(created_at)).add(Column::Token.gt(token));
        query = query.filter(Condition::any().add(Column::CreatedAt.lt(created_at)).add(same));
    }
    let rows = query.all(on).await?;
    let names = consumers::names(on, rows.iter().map(|row| row.consumer_key.clone()).collect()).await?;
    rows.into_iter().map(|row| token(row, &names)).collect()
}

fn token(row: Model, names: &[(String, String, String)]) -> Result<Token> {
    let (_, service, label) =
        names.iter().find(|(key, ..)| *key == row.consumer_key).ok_or(Fault::Damaged("tokens.consumer_key"))?;
    Ok(Token {
        token: known("tokens.token", &row.token)?,
        consumer: known("tokens.consumer_key", &row.consumer_key)?,
        label: label.clone(),
        service: known("consumers.service", service)?,
        session: row.session_id.map(|id| known("tokens.session_id", &id)).transpose()?,
        created_at: Timestamp::from_millis(row.created_at),
        expires_at: Timestamp::from_millis(row.expires_at),
        last_used_at: row.last_used_at.map(Timestamp::from_millis),
    })
}

/// Those that have not expired, without those of them that were revoked: both are counted in an index alone, without a
/// look at the tokens themselves.
const LIVE: &str = "SELECT (SELECT count(*) FROM tokens WHERE expires_at > $1) - \
     (SELECT count(*) FROM tokens WHERE revoked_at IS NOT NULL AND expires_at > $2) AS number";

/// How many tokens are alive.
pub(crate) async fn count_live(on: &impl ConnectionTrait, now: Timestamp) -> Result<u64> {
    let values = [now.millis().into(), now.millis().into()];
    let statement = Statement::from_sql_and_values(on.get_database_backend(), LIVE, values);
    let counted = Number::find_by_statement(statement).one(on).await?;
    Ok(counted.map_or(0, |counted| u64::try_from(counted.number).unwrap_or(0)))
}

#[derive(FromQueryResult)]
struct Counts {
    tokens: i64,
    sessions: i64,
    users: i64,
}

/// What ending a consumer would end.
pub(crate) async fn impact(on: &impl ConnectionTrait, key: &ConsumerKey, now: Timestamp) -> Result<Impact> {
    let count = |query: Select<Entity>| {
        query
            .column_as(Column::Token.count(), "tokens")
            .column_as(Expr::col(Column::SessionId).count_distinct(), "sessions")
            .column_as(Expr::col(Column::UserId).count_distinct(), "users")
    };
    let query = Entity::find().select_only().filter(Which::Consumer(key).condition()).filter(alive(now));
    let counts = count(query).into_model::<Counts>().one(on).await?;
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    Ok(counts.map_or(Impact { tokens: 0, sessions: 0, users: 0, last_used_at: None }, |counts| Impact {
        tokens: number(counts.tokens),
        sessions: number(counts.sessions),
        users: number(counts.users),
        last_used_at: None,
    }))
}

/// Notes when tokens were last used.
pub(crate) async fn note_uses<'a>(
    on: &impl ConnectionTrait,
    tokens: impl IntoIterator<Item = &'a str>,
    at: Timestamp,
) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(at.millis()))
        .filter(Column::Token.is_in(tokens))
        .exec(on)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::store;
    use super::*;

    #[tokio::test]
    async fn those_that_live_are_counted_and_no_others() {
        let (_ground, store) = store().await;
        for sql in [
            "INSERT INTO users (id, username, username_folded, access, created_at, version) VALUES ('a', '', '', '', 1, 1)",
            "INSERT INTO consumers (key, service, label, access, signature_methods, body_hash, locations, created_at, \
             version) VALUES ('shop', '', '', '', '', '', '', 1, 1)",
            "INSERT INTO tokens (token, consumer_key, user_id, sealed, created_at, expires_at, revoked_at) VALUES \
             ('one', 'shop', 'a', '', 1, 1001, NULL), ('two', 'shop', 'a', '', 1, 9999, NULL), \
             ('expired', 'shop', 'a', '', 1, 1000, NULL), ('revoked', 'shop', 'a', '', 1, 9999, 7), \
             ('both', 'shop', 'a', '', 1, 1000, 7), ('long ago', 'shop', 'a', '', 1, 2, 1)",
        ] {
            store.alone().execute_unprepared(sql).await.unwrap();
        }
        assert_eq!(count_live(store.read(), Timestamp::from_millis(1000)).await.unwrap(), 2);
    }
}
