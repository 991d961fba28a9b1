//! The only words to stdout and stderr. Either may be closed, full, or read by nobody any more.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Error, Result};

use super::{Text, visible_line, words};

/// Nobody reads stdout any more, as behind `| head`: the command ends without a word.
#[derive(Debug)]
pub(crate) struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads stdout any more")
    }
}

impl std::error::Error for Gone {}

/// Writes to stdout.
///
/// # Errors
/// [`Gone`] where nobody reads it any more; else it is a file that takes no more.
pub(crate) fn print(text: Text) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.written().as_bytes()).and_then(|()| stdout.flush()).map_err(unwritable)
}

/// Why stdout could not be written.
pub(crate) fn unwritable(cause: io::Error) -> Error {
    match cause.kind() {
        ErrorKind::BrokenPipe => Gone.into(),
        _ => anyhow::anyhow!("stdout cannot be written: {}", words::reason(&cause)),
    }
}

/// Says one line on stderr, if somebody hears it; see `say!`. A line end in it came with what it quotes, and is shown: no
/// name in a file begins a line of its own.
pub(crate) fn tell(words: fmt::Arguments<'_>) {
    show(&format!("{}\n", visible_line(&words.to_string())));
}

/// Shows on stderr what needs no escapes any more, such as a text with colours, if somebody sees it.
pub(crate) fn show(text: &str) {
    // Whoever cannot be told cannot be told that either, and the work is what counts.
    let _heard = io::stderr().write_all(text.as_bytes());
}

/// Columns of the terminal where machine output goes; none where it goes to a file or a pipe, and is for no width.
pub(crate) fn columns(out: Option<&PathBuf>) -> Option<usize> {
    let stdout = io::stdout();
    let terminal = if out.is_none() && stdout.is_terminal() { terminal_size::terminal_size_of(stdout) } else { None };
    terminal.map(|(terminal_size::Width(columns), _)| usize::from(columns))
}
