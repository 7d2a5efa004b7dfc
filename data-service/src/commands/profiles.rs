//! Profiles: the document that the caller's service keeps about a user.

use super::merge::merge;
use super::{Call, Run, check_version};
use crate::error::Result;
use crate::store::{profiles, users};
use serde_json::Value;
use shared::command::{DeleteProfile, GetProfile, PatchProfile, Profile, PutProfile};
use shared::error::{Code, Refusal};
use shared::id::UserRef;

impl Run for GetProfile {
    async fn run(self, call: &Call<'_>) -> Result<Profile> {
        let (user, service) = (call.caller.user(self.id)?, call.caller.service()?);
        let found = profiles::get(call.store().read(), user, service).await?;
        found.ok_or_else(|| Refusal::new(Code::NotFound, "this service keeps nothing about this user").into())
    }
}

impl Run for PutProfile {
    async fn run(self, call: &Call<'_>) -> Result<Profile> {
        change(call, self.id, self.if_match, |_| self.document).await
    }
}

impl Run for PatchProfile {
    async fn run(self, call: &Call<'_>) -> Result<Profile> {
        change(call, self.id, self.if_match, |mut document| {
            merge(&mut document, self.patch);
            document
        })
        .await
    }
}

impl Run for DeleteProfile {
    async fn run(self, call: &Call<'_>) -> Result<()> {
        let (user, service) = (call.caller.user(self.id)?, call.caller.service()?);
        let tx = call.store().begin().await?;
        let there = profiles::get(tx.on(), user, service).await?;
        check_version(self.if_match, there.map_or(0, |profile| profile.version))?;
        profiles::delete(tx.on(), user, service).await?;
        tx.commit().await
    }
}

/// Reads, changes and writes in one transaction: two changes at once never overwrite each other.
async fn change(
    call: &Call<'_>,
    id: UserRef,
    expected: Option<i64>,
    change: impl FnOnce(Value) -> Value,
) -> Result<Profile> {
    let (user, service) = (call.caller.user(id)?, call.caller.service()?);
    let tx = call.store().begin().await?;
    users::must_find(tx.on(), user).await?;
    let there = profiles::get(tx.on(), user, service).await?;
    let there = there.unwrap_or(Profile { document: Value::Object(Default::default()), version: 0 });
    check_version(expected, there.version)?;
    let profile = Profile { document: change(there.document), version: there.version + 1 };
    check(&profile.document)?;
    profiles::put(tx.on(), user, service, &profile, call.now).await?;
    tx.commit().await?;
    Ok(profile)
}

fn check(document: &Value) -> Result<(), Refusal> {
    if !document.is_object() {
        return Err(Refusal::invalid("document", "malformed", "a profile is a JSON object"));
    }
    if document.to_string().len() > Profile::MOST_BYTES {
        return Err(Refusal::invalid("document", "too_long", "a profile has at most 64 KiB"));
    }
    Ok(())
}
