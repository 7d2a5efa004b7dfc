//! `countersign session`: where people are signed in.

use super::receipt::counted;
use super::table::table;
use super::{Common, all, find, when};
use crate::failure::Failure;
use serde_json::json;
use shared::command::{EndOtherSessions, ListSessions, RevokeSession, SessionSeen};
use shared::id::UserRef;
use std::process::ExitCode;
use uuid::Uuid;

/// List and end sessions
#[derive(clap::Subcommand)]
pub enum Command {
    /// List the live sessions of a user
    List(List),
    /// End one session, or all of a user; for every service at once
    End(End),
}

/// Whose.
#[derive(clap::Args)]
pub struct List {
    /// The name or e-mail address of the user
    #[arg(long, value_name = "NAME")]
    user: String,
    #[command(flatten)]
    common: Common,
}

/// Which.
#[derive(clap::Args)]
pub struct End {
    /// The session, by the id that `session list` shows
    #[arg(required_unless_present = "user")]
    id: Option<Uuid>,
    /// All sessions of the user of this name or e-mail address
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    user: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
pub fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List(args) => list(args),
        Command::End(args) => end(args),
    }
}

fn list(List { user, common }: &List) -> Result<ExitCode, Failure> {
    let sessions = common.operate(async |operator| {
        let id = UserRef::Id(find(operator, user).await?.id);
        all(async |after| operator.call(ListSessions { id, limit: Some(200), after }).await).await
    })?;
    let now = when::now();
    let row = |session: &SessionSeen| {
        vec![
            session.id.to_string(),
            when::relative(session.created_at, now),
            when::relative(session.last_used_at, now),
            when::relative(session.expires_at, now),
        ]
    };
    let head = ["session", "began", "last used", "ends"];
    common.print(&sessions, || table(&head, sessions.iter().map(row).collect(), "No session is alive."))?;
    Ok(ExitCode::SUCCESS)
}

fn end(End { id, user, common }: &End) -> Result<ExitCode, Failure> {
    let ended = common.operate(async |operator| {
        if let Some(user) = user {
            let id = UserRef::Id(find(operator, user).await?.id);
            return Ok(operator.call(EndOtherSessions { id }).await?.ended);
        }
        let session = id.unwrap_or_default();
        let owner = operator.owner_of_session(session).await?;
        let gone = || Failure::refused(format_args!("there is no session {session} of a user (not_found)"));
        operator.call(RevokeSession { id: UserRef::Id(owner.ok_or_else(gone)?), session }).await?;
        Ok(1)
    })?;
    common.print(&json!({ "ended": ended }), || format!("Ended: {}.", counted(ended, "session")))?;
    Ok(ExitCode::SUCCESS)
}
