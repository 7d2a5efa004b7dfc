//! Printing. Whoever reads may have gone away (`countersign … | head`): that is no failure of ours.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

/// A line on standard output.
pub fn line(text: impl fmt::Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Bytes on standard output, as they are.
pub fn bytes(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// A line on standard error.
pub fn err(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// True if a person reads standard output.
pub fn is_read_by_a_person() -> bool {
    io::stdout().is_terminal()
}
