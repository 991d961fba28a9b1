//! Mistakes of syntax that come of habits from other languages, by what stands before the place and at it.

use super::recovery::found;
use crate::elsewhere;

/// What is said of one.
#[derive(Default)]
pub(super) struct Habit {
    pub help: &'static str,
    /// What would put it right: so many bytes of what is there are replaced by this.
    pub fix: Option<(usize, &'static str)>,
}

impl Habit {
    fn said(help: &'static str) -> Option<Self> {
        Some(Self { help, fix: None })
    }
}

/// The habit that a text was written by which cannot be read from `at` on, if it is one of those that are known. `inside`: the innermost bracket that
/// is open.
pub(super) fn habit(text: &str, at: usize, inside: Option<u8>) -> Option<Habit> {
    let (before, rest) = text.split_at(at);
    let code = before.trim_end();
    let start = before.rfind(['\n', ';', '{']).map_or(0, |end| end + 1);
    let line = text[start..].trim_start();
    let (first, here) = (found(line), found(rest));
    // What stands in the same statement before the place.
    let begun = before[start..].trim();
    if inside == Some(b'(') && rest.starts_with('=') && !rest.starts_with("==") && ends_in_a_name(code) {
        let right = if rest[1..].starts_with(' ') { ":" } else { ": " };
        return Some(Habit { help: "an argument is named with `:`, such as `bias: off`", fix: Some((1, right)) });
    }
    if here == "(" && (begun.ends_with("->") || begun == "let") {
        return Habit::said(
            "an operator gives one tensor, and a `let` names one: write an operator for each of what you need",
        );
    }
    if code.ends_with('|') && inside == Some(b'{') {
        return elsewhere::step(here).and_then(Habit::said);
    }
    if here == "*" && begun.ends_with("step") {
        return Habit::said("a range has steps of one size; list what grows in another way: `[16, 32, 64, 128]`");
    }
    if here == ":" && inside == Some(b'{') && begun.ends_with(|c: char| c.is_ascii_digit()) {
        return Habit::said(
            "the label of an alternative is a name, such as `choose { light: a; heavy: b }`; none is more likely than another, and `train.paths` says \
             what a supernet is trained on",
        );
    }
    if here == ":" && inside.is_none() {
        return Habit::said("what belongs to an item stands in `{ }`");
    }
    if ["B", "KB", "MB", "GB", "TB", "kB", "KiB", "MiB", "GiB", "bytes"].contains(&here)
        && begun.ends_with(|c: char| c.is_ascii_digit())
    {
        return Habit::said(
            "a number of bytes is written as one word, in powers of two: `64KiB`, `2MiB`, `1GiB`; a plain number may end in `K`, `M` or `G`",
        );
    }
    if first == "import" && inside.is_none() && !here.starts_with('"') {
        return Habit::said("a file is named by a text: `import \"std/ctr.nasrec\" { fc, attention }`");
    }
    let by_word = if inside.is_none() { elsewhere::item(first) } else { elsewhere::statement(first) };
    // What is called so here: a name that is given a value, a label, a setting, or an operator that was understood.
    let next = line[first.len()..].trim_start();
    let is_name = next.starts_with(['=', ':']) || rest.len() < line.len() && next.starts_with(['(', '.', '[']);
    if let Some(help) = by_word.filter(|_| !is_name && inside != Some(b'(')) {
        return Habit::said(help);
    }
    let (help, fix) = elsewhere::sign(rest)?;
    Some(Habit { help, fix })
}

fn ends_in_a_name(code: &str) -> bool {
    let name = code.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
