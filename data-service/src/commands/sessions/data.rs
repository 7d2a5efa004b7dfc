//! `session.save`: keys of a session's data change, and no change of anybody else is lost.

use super::lifetime::{note_use, put_off};
use super::lock;
use crate::commands::merge::merge_fields;
use crate::commands::{Call, Run, check_version};
use crate::error::Result;
use crate::store::session_data::{self, Namespace};
use crate::store::{ConnectionTrait, sessions};
use serde_json::{Map, Value};
use shared::command::{NewData, SaveSession, Saved, SessionData};
use shared::error::{Code, Refusal};
use uuid::Uuid;

type Fields = Map<String, Value>;

impl Run for SaveSession {
    async fn run(self, call: &Call<'_>) -> Result<Saved> {
        let service = call.caller.service()?;
        let (shared, own) = (self.patch.shared, self.patch.own);
        for (name, patch) in [("shared", &shared), ("own", &own)] {
            if let Some(Some(patch)) = patch {
                check_depth("patch", name, patch)?;
            }
        }
        let tx = call.store().begin().await?;
        // From here on nobody else changes this session: what is read is what is merged into.
        let mut session = lock(call, &tx, &self.sessionid).await?.session;
        check_version(self.version, session.version)?;
        let there = session_data::get(tx.on(), session.id, service).await?;
        if let Some(patch) = shared {
            write(tx.on(), session.id, Namespace::Shared, patched("shared", there.shared, patch)?).await?;
        }
        if let Some(patch) = own {
            write(tx.on(), session.id, Namespace::Own(service), patched("own", there.own, patch)?).await?;
        }
        let version = session.version + 1;
        sessions::set_version(tx.on(), session.id, version).await?;
        if let Some(expires_at) = put_off(&call.rooms.sessions, &session, call.now) {
            note_use(tx.on(), &mut session, call.now, expires_at).await?;
        }
        tx.commit().await?;
        Ok(Saved { version })
    }
}

/// Puts into a new session what lies in it from the beginning. `null` stands for nothing here too.
pub(super) async fn fill(call: &Call<'_>, on: &impl ConnectionTrait, session: Uuid, data: NewData) -> Result<()> {
    for (name, fields) in [("shared", &data.shared), ("own", &data.own)] {
        check_depth("data", name, fields)?;
    }
    let shared = patched("shared", Fields::new(), Some(data.shared))?;
    write(on, session, Namespace::Shared, shared).await?;
    let own = patched("own", Fields::new(), Some(data.own))?;
    write(on, session, Namespace::Own(call.caller.service()?), own).await
}

async fn write(on: &impl ConnectionTrait, session: Uuid, namespace: Namespace<'_>, fields: Fields) -> Result<()> {
    session_data::put(on, session, namespace, &fields).await
}

/// A namespace after a merge patch, within its limit.
fn patched(name: &str, mut fields: Fields, patch: Option<Fields>) -> Result<Fields, Refusal> {
    match patch {
        Some(patch) => merge_fields(&mut fields, patch),
        None => fields.clear(),
    }
    let bytes = serde_json::to_vec(&fields).map_or(usize::MAX, |text| text.len());
    if bytes > SessionData::MOST_BYTES {
        let most = SessionData::MOST_BYTES;
        let detail = format!("`{name}` would have {bytes} bytes of JSON, and {most} is the most: nothing was changed");
        return Err(Refusal::new(Code::BodyTooLarge, detail));
    }
    Ok(fields)
}

/// A merged object is no deeper than the deeper of both, so it is enough to look at what is new.
fn check_depth(field: &str, name: &str, fields: &Fields) -> Result<(), Refusal> {
    if fields.values().all(|value| is_flat(value, SessionData::MOST_DEPTH - 1)) {
        return Ok(());
    }
    let detail = format!("objects and arrays may lie {} deep in each other", SessionData::MOST_DEPTH);
    Err(Refusal::invalid(&format!("{field}.{name}"), "too_deep", detail))
}

/// True if a value has at most so many levels of objects and arrays.
fn is_flat(value: &Value, levels: usize) -> bool {
    let within = |value: &Value| levels.checked_sub(1).is_some_and(|levels| is_flat(value, levels));
    match value {
        Value::Object(fields) => levels > 0 && fields.values().all(within),
        Value::Array(items) => levels > 0 && items.iter().all(within),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
    }

    #[test]
    fn depth_is_counted_from_the_namespace_on() {
        let fields = |levels: usize| Fields::from_iter([("a".to_owned(), nested(levels))]);
        assert!(check_depth("patch", "own", &fields(SessionData::MOST_DEPTH - 1)).is_ok());
        let refusal = check_depth("patch", "own", &fields(SessionData::MOST_DEPTH)).unwrap_err();
        assert_eq!(refusal.facts.unwrap().errors[0].field, "patch.own");
    }

    #[test]
    fn the_limit_is_that_of_what_results() {
        let text = |bytes: usize| Fields::from_iter([("a".to_owned(), json!("x".repeat(bytes)))]);
        let most = SessionData::MOST_BYTES - r#"{"a":""}"#.len();
        assert!(patched("own", Fields::new(), Some(text(most))).is_ok());
        assert_eq!(patched("own", Fields::new(), Some(text(most + 1))).unwrap_err().code, Code::BodyTooLarge);
        assert!(patched("own", text(most), Some(text(5))).is_ok());
        assert!(patched("own", text(most), None).unwrap().is_empty());
    }
}
