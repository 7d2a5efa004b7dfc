//! How large the pages of memory may be.
//!
//! Whoever holds a million tokens waits for the tables of pages longer than for memory itself, unless the pages are large;
//! and whoever holds nothing would hold a dozen MiB of them. So they are small until there is something to hold.

use rustix::thread::disable_transparent_huge_pages;

/// Keeps pages small. To be called before memory is taken; where the system has no such thing, nothing happens.
pub fn keep_small() {
    let _ = disable_transparent_huge_pages(true);
}

/// From now on the system may make large pages of what is taken, as far as it does so at all.
pub(crate) fn allow_large() {
    let _ = disable_transparent_huge_pages(false);
}
