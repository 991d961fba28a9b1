//! Values as messages show them.

/// Longest piece of a value that a message quotes, in characters.
const QUOTED: usize = 24;

/// A value as a message shows it: escaped and shortened.
pub(super) fn quote(value: &[u8]) -> String {
    if value.is_empty() {
        return "nothing".to_owned();
    }
    // A hundred bytes hold more than is shown; the rest of a huge value need not be decoded.
    let text = String::from_utf8_lossy(&value[..value.len().min(4 * QUOTED + 4)]);
    let mut shown: String = text.chars().take(QUOTED).collect();
    if text.chars().nth(QUOTED).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}
