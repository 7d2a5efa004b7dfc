//! Events, read from a cursor on.

use super::{Access, Command, Page, Route};
use crate::event::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `event.list`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    /// How many, at most 200.
    #[serde(default)]
    pub limit: Option<u64>,
    /// The `sequence` of the last event that is known: those after it are answered. Without it, from the oldest one
    /// that is kept.
    #[serde(default)]
    pub after: Option<i64>,
}

impl Command for ListEvents {
    type Reply = Page<Event>;
    const NAME: &'static str = "event.list";
    const ROUTE: Route = Route::get("/events");
    const ABOUT: &'static str = "What happened, in order, after a sequence number. 410 when that is older than what is \
                                 kept: then something was missed for good.";

    fn access(&self) -> Access {
        Access::word("events.read")
    }
}
