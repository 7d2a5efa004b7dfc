//! Lists: `limit` and `after` in, `items` and `next` out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; `null` on the last one.
    pub next: Option<String>,
}

/// How many items a page holds: 50 if nothing is said, at most 200.
pub struct Limit;

impl Limit {
    /// The most.
    pub const MOST: u64 = 200;

    /// What was asked, within bounds.
    pub fn of(asked: Option<u64>) -> u64 {
        asked.unwrap_or(50).clamp(1, Self::MOST)
    }
}
