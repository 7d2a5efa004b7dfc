//! How much may be under way at once: what is over is answered at once instead of kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Requests under way in all, and of one connection.
const REQUESTS: usize = 1024;
const OF_ONE: usize = 256;
/// Bytes of requests under way in all. One alone may always be larger.
const BYTES: usize = 64 * 1024 * 1024;

/// What is under way.
#[derive(Default)]
pub(super) struct Load(Mutex<State>);

#[derive(Default)]
struct State {
    requests: usize,
    bytes: usize,
    of: HashMap<u64, usize>,
}

/// A request under way; not any more when this is dropped.
pub(super) struct Slot {
    load: Arc<Load>,
    connection: u64,
    bytes: usize,
}

impl Load {
    /// Room for a request of a connection; `None` if there is none.
    pub(super) fn enter(self: &Arc<Self>, connection: u64, bytes: usize) -> Option<Slot> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = state.of.get(&connection).copied().unwrap_or(0);
        let full = state.requests >= REQUESTS || own >= OF_ONE;
        if full || (state.requests > 0 && state.bytes.saturating_add(bytes) > BYTES) {
            return None;
        }
        state.requests += 1;
        state.bytes += bytes;
        state.of.insert(connection, own + 1);
        drop(state);
        Some(Slot { load: Arc::clone(self), connection, bytes })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.load.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests -= 1;
        state.bytes -= self.bytes;
        match state.of.get_mut(&self.connection) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(state.of.remove(&self.connection)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_does_not_take_all_the_room() {
        let load = Arc::new(Load::default());
        let slots: Vec<_> = std::iter::from_fn(|| load.enter(1, 10)).collect();
        assert_eq!(slots.len(), OF_ONE);
        let others: Vec<_> = (2..).map_while(|connection| load.enter(connection, 10)).collect();
        assert_eq!(slots.len() + others.len(), REQUESTS);
        drop((slots, others));
        let state = load.0.lock().unwrap();
        assert_eq!((state.requests, state.bytes, state.of.len()), (0, 0, 0));
    }

    #[test]
    fn bytes_are_bounded_but_one_request_always_fits() {
        let load = Arc::new(Load::default());
        let large = load.enter(1, BYTES * 2).unwrap();
        assert!(load.enter(2, 1).is_none());
        drop(large);
        let _half = load.enter(1, BYTES / 2).unwrap();
        let _rest = load.enter(1, BYTES / 2).unwrap();
        assert!(load.enter(2, 1).is_none());
    }
}
