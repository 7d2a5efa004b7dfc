//! What doors that carry messages have in common: a command arrives whole, as a name and one JSON object, and the
//! answer is a status and JSON. The table is made from the commands' declarations.

use super::House;
use super::dispatch::{self, bytes, call, malformed};
use crate::caller::Caller;
use crate::chance;
use crate::commands::{Rooms, Run};
use crate::error::{Error, Fault, Result};
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use shared::command::*;
use shared::error::{Code, Problem, Refusal};
use shared::oauth1::{Authorization, BaseUrl, Message};
use std::collections::HashMap;
use std::sync::Arc;

/// The method that is signed at message doors.
const METHOD: &str = "POST";
/// The status of an answer without a body.
const NO_CONTENT: u16 = 204;

/// A request as a message door receives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// What an `Authorization` header would hold; empty for none.
    pub(super) authorization: &'a [u8],
    /// The name of a command.
    pub(super) command: &'a str,
    /// JSON; empty for a command without fields.
    pub(super) body: &'a [u8],
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status that HTTP would give.
    pub(super) status: u16,
    /// The JSON that HTTP would give.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A refusal as problem+json.
    pub(super) fn refused(refusal: &Refusal, request_id: &str) -> Self {
        let problem = Problem::new(refusal, request_id);
        Self { status: problem.status, body: serde_json::to_vec(&problem).unwrap_or_default() }
    }
}

/// Decodes, calls, encodes.
type Handler = for<'a> fn(&'a Rooms, &'a Caller, &'a [u8]) -> LocalBoxFuture<'a, Result<Answer>>;

/// Where messages are answered.
pub(super) struct Desk {
    house: Arc<House>,
    /// The name of the door in the log.
    door: &'static str,
    /// What commands are signed under: `zeromq://countersign`.
    base: [BaseUrl; 1],
    commands: HashMap<&'static str, Handler>,
}

impl Desk {
    pub(super) fn new(house: Arc<House>, door: &'static str, base: BaseUrl) -> Self {
        macro_rules! table {
            ($($command:ident,)*) => {
                HashMap::from([$((<$command as Command>::NAME, handle::<$command> as Handler),)*])
            };
        }
        Self { house, door, base: [base], commands: shared::for_each_command!(table) }
    }

    /// The answer to a request, or to what was no request.
    pub(super) async fn answer(&self, request: Result<Request<'_>, Refusal>) -> Answer {
        let (command, outcome) = match request {
            Ok(request) => (request.command, self.serve(request).await),
            Err(refusal) => ("", Err(refusal.into())),
        };
        outcome.unwrap_or_else(|error| {
            let request_id = chance::request_id();
            self.log(command, &error, &request_id);
            Answer::refused(&error.refusal(), &request_id)
        })
    }

    /// Identify, then call.
    async fn serve(&self, request: Request<'_>) -> Result<Answer> {
        if request.body.len() > self.house.body_limit {
            let detail = format!("a body may have {} bytes here", self.house.body_limit);
            return Err(Refusal::new(Code::BodyTooLarge, detail).into());
        }
        let path = format!("/{}", request.command);
        let message = Message {
            method: METHOD,
            path: &path,
            query: None,
            authorization: match request.authorization {
                [] => Authorization::Absent,
                value => Authorization::One(value),
            },
            content_type: None,
            form: b"",
        };
        let (proved, body) = self.house.guard.identify(&self.base, || message, async || Ok(request.body)).await?;
        if request.command == Echo::NAME {
            let body = dispatch::echo(&self.house.rooms, &proved, METHOD, &path, body.len(), |reply| bytes(reply))?;
            return Ok(Answer { status: 200, body });
        }
        let handler = self.commands.get(request.command);
        let handler = handler.ok_or_else(|| Refusal::new(Code::NotFound, "there is no command of this name"))?;
        handler(&self.house.rooms, &proved.caller, body).await
    }

    /// One line for each refusal or fault, as at the HTTP door.
    fn log(&self, command: &str, error: &Error, request_id: &str) {
        let door = self.door;
        match error {
            Error::Refused(refusal) => {
                let code = refusal.code.word();
                tracing::info!(request_id, door, command, code, detail = %refusal.detail, "refused");
            }
            // That the store is away was said when it went.
            Error::Fault(fault @ Fault::Away(_)) => tracing::debug!(request_id, door, command, %fault, "unavailable"),
            Error::Fault(fault) => tracing::error!(request_id, door, command, %fault, "failed"),
        }
    }
}

fn handle<'a, C: Run>(rooms: &'a Rooms, caller: &'a Caller, body: &'a [u8]) -> LocalBoxFuture<'a, Result<Answer>> {
    async move {
        let command: C = decode_whole(body).map_err(|error| malformed(&error))?;
        let reply = call(rooms, caller, command).await?;
        let (route, status) = (C::ROUTE, C::ROUTE.status);
        if status == NO_CONTENT {
            return Ok(Answer { status, body: Vec::new() });
        }
        let value = dispatch::value(&reply)?;
        Ok(Answer { status, body: bytes(dispatch::body(&route, &value))? })
    }
    .boxed_local()
}
