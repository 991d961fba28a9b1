//! From text to a syntax tree.
//!
//! Lives here: joining lines, the grammar's pairs made into a tree, and syntax errors in words. Never: names
//! resolved, kinds, sizes. Parsing never fails: it returns what it understood and diagnostics.

mod expressions;
mod habits;
mod items;
pub(crate) mod lines;
mod recovery;
pub(crate) mod tree;

pub use tree::{Demand, File, Name, Op, Setting};

use std::collections::{HashMap, HashSet};

use nasrec_grammar::{NasrecParser, Rule, beginnings, continues_expression, describe, is_keyword};
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;

use crate::diagnostics::{Code, Diagnostic, FileId, Fix, Span, nearest};

/// The language version that this compiler speaks.
pub(crate) const LANGUAGE_VERSION: u32 = 1;

/// Largest file, in bytes.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Deepest nesting of brackets, and of `if` and `pick`, which nest without them.
pub(crate) const MAX_NESTING: usize = 64;
/// Most mistakes that are told of one file.
pub(crate) const MAX_FINDINGS: usize = 100;

/// What a pair consists of, without its keywords.
trait Parts<'a> {
    fn parts(self) -> impl Iterator<Item = Pair<'a, Rule>>;
}

impl<'a> Parts<'a> for Pair<'a, Rule> {
    fn parts(self) -> impl Iterator<Item = Pair<'a, Rule>> {
        self.into_inner().filter(|pair| !is_keyword(pair.as_rule()))
    }
}

/// The reading of one file.
pub(crate) struct Reader {
    file: FileId,
    diagnostics: Vec<Diagnostic>,
    /// The first words of statements that did not parse, by place.
    lost: HashMap<u32, Vec<String>>,
    /// How many bytes have been parsed again to recover from mistakes.
    parsed_again: usize,
}

/// Parses one file.
pub fn parse(file: FileId, source: &str) -> (File, Vec<Diagnostic>) {
    nasrec_grammar::limit_work();
    let mut reader = Reader::new(file);
    let mut tree = File::default();
    if source.len() > MAX_BYTES {
        let message = format!("this file has {} bytes; at most {MAX_BYTES} are read", source.len());
        return (tree, vec![Diagnostic::error(Code::TooLarge, message).label(Span::new(file, 0, 0), "here")]);
    }
    let joined = recovery::without_blots(lines::join(source));
    if let Some(at) = too_deep(&joined.text) {
        let message = format!("this is nested more than {MAX_NESTING} deep");
        return (
            tree,
            vec![Diagnostic::error(Code::TooLarge, message).label(Span::new(file, at, at + 1), "too deep from here")],
        );
    }
    let spoilt: HashSet<usize> = joined.unbalanced.iter().map(|unbalanced| unbalanced.item).collect();
    reader
        .diagnostics
        .extend(joined.unbalanced.iter().take(MAX_FINDINGS).map(|bracket| without_partner(file, bracket)));
    for (index, range) in joined.items.iter().enumerate() {
        let text = &joined.text[range.clone()];
        // A bracket error has been told; what else the grammar would say of this item is its echo.
        let told = spoilt.contains(&index) || reader.diagnostics.len() >= MAX_FINDINGS;
        if told || !reader.item(text, range.start, index, &mut tree) {
            tree.spoil(text);
        }
    }
    (tree, reader.diagnostics)
}

/// Parses `a.b=value`, the argument of `--set`.
pub fn parse_override(file: FileId, source: &str) -> Result<Setting, Diagnostic> {
    fragment(file, source, Rule::one_override, |reader, parsed| reader.override_setting(parsed, 0))
}

/// Parses the value of an argument, such as `[16, 32]`.
pub(crate) fn parse_value(file: FileId, source: &str) -> Result<tree::Expr, Diagnostic> {
    let read = |reader: &mut Reader, parsed: Pair<'_, Rule>| {
        parsed.parts().next().map(|value| reader.expression(value, 0)).expect("the rule has a value")
    };
    fragment(file, source, Rule::one_value, read)
}

/// Parses what stands behind `require`, such as `macs <= 2M`.
pub(crate) fn parse_demand(file: FileId, source: &str) -> Result<Demand, Diagnostic> {
    fragment(file, source, Rule::one_demand, |reader, parsed| {
        let conditions = parsed.parts().filter(|part| part.as_rule() != Rule::EOI);
        Demand { forbids: false, conditions: conditions.map(|part| reader.expression(part, 0)).collect() }
    })
}

/// Whether the language takes this as a name: a word that is no keyword.
pub fn is_name(text: &str) -> bool {
    NasrecParser::parse(Rule::name, text).is_ok_and(|mut pairs| pairs.next().is_some_and(|pair| pair.as_str() == text))
}

fn without_partner(file: FileId, unbalanced: &lines::Unbalanced) -> Diagnostic {
    let bracket = unbalanced.bracket as char;
    let (message, label) = match bracket {
        '(' | '[' | '{' => (format!("this `{bracket}` is never closed"), "opened here"),
        _ => (format!("this `{bracket}` closes nothing"), "nothing is open here"),
    };
    Diagnostic::error(Code::Unbalanced, message).label(Span::new(file, unbalanced.at, unbalanced.at + 1), label)
}

/// Parses text that is not a file, as one rule; its lines are joined as those of a file are.
fn fragment<T>(
    file: FileId,
    source: &str,
    rule: Rule,
    read: impl FnOnce(&mut Reader, Pair<'_, Rule>) -> T,
) -> Result<T, Diagnostic> {
    nasrec_grammar::limit_work();
    let joined = recovery::without_blots(lines::join(source));
    if source.len() > MAX_BYTES || too_deep(&joined.text).is_some() {
        return Err(Diagnostic::error(Code::TooLarge, "this is too long, or its brackets are nested too deep"));
    }
    if let Some(bracket) = joined.unbalanced.first() {
        return Err(without_partner(file, bracket));
    }
    let mut reader = Reader::new(file);
    match NasrecParser::parse(rule, &joined.text) {
        Ok(mut pairs) => {
            let read = read(&mut reader, pairs.next().expect("the rule was matched"));
            reader.diagnostics.pop().map_or(Ok(read), Err)
        }
        Err(error) => Err(reader.syntax_error(&error, &joined.text, 0)),
    }
}

/// Where nesting gets too deep for the recursive parser: brackets, and the words `if` and `pick` that each hold another
/// expression. A chain of `else if` does not nest, nor does what a text or a comment says.
fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // For each open bracket, the nesting words of the statement at hand.
    let mut words = vec![0usize];
    let mut depth = 0usize;
    let mut at = 0;
    let mut after_else = false;
    while at < bytes.len() {
        let next = |from: usize, wanted: &[u8]| {
            bytes[from..].iter().position(|byte| wanted.contains(byte)).map_or(bytes.len(), |place| from + place)
        };
        match bytes[at] {
            // One that its line does not end is none.
            b'"' => at = Some(next(at + 1, b"\"\n")).filter(|&end| bytes.get(end) == Some(&b'"')).unwrap_or(at),
            b'/' if bytes[at..].starts_with(b"//") => {
                at = next(at, b"\n");
                continue;
            }
            b'(' | b'[' | b'{' => {
                words.push(0);
                depth += 1;
            }
            b')' | b']' | b'}' if words.len() > 1 => depth -= words.pop().unwrap_or(0) + 1,
            b',' | b';' | b'\n' => depth -= words.last_mut().map_or(0, std::mem::take),
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let rest = &bytes[at..];
                let len = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(rest.len());
                let nests = match &rest[..len] {
                    b"pick" => true,
                    b"if" => !after_else,
                    _ => false,
                };
                if nests && let Some(count) = words.last_mut() {
                    *count += 1;
                    depth += 1;
                }
                after_else = &rest[..len] == b"else";
                at += len - 1;
            }
            _ => {}
        }
        if depth > MAX_NESTING {
            return Some(at);
        }
        at += 1;
    }
    None
}

impl Reader {
    fn new(file: FileId) -> Self {
        Self { file, diagnostics: Vec::new(), lost: HashMap::new(), parsed_again: 0 }
    }

    fn span(&self, pair: &Pair<'_, Rule>, offset: usize) -> Span {
        let span = pair.as_span();
        let trimmed = span.as_str().trim_end().len();
        Span::new(self.file, offset + span.start(), offset + span.start() + trimmed)
    }

    /// A body that goes on after its value, which ends at `start`.
    fn after_the_value(&self, text: &str, start: usize, offset: usize) -> Diagnostic {
        let value = text[..start].trim_end();
        let line = value.rfind(['\n', ';', '{']).map_or(0, |at| at + 1);
        let line = line + value[line..].len() - value[line..].trim_start().len();
        let next = start + text[start..].len() - text[start..].trim_start().len();
        let rest = text[next..].find(['\n', ';', '}']).map_or(text.len(), |len| next + len);
        let rest = next + text[next..rest].trim_end().len();
        Diagnostic::error(Code::Syntax, "a body goes on after its value")
            .label(Span::new(self.file, offset + line, offset + value.len()), "a value without a name ends a body")
            .label(Span::new(self.file, offset + next, offset + rest), "and here is more")
            .help("give the first one a name with `let`, or leave it out")
    }

    /// pest's error in words; `offset` is where the parsed text starts in the file.
    fn syntax_error(&self, error: &pest::error::Error<Rule>, text: &str, offset: usize) -> Diagnostic {
        let start = match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => at.min(text.len()),
        };
        let rest = &text[start..];
        let found = recovery::found(rest);
        let ErrorVariant::ParsingError { positives, .. } = &error.variant else {
            let span = Span::new(self.file, offset + start, offset + start);
            return Diagnostic::error(Code::TooLarge, "this is too much for one item to parse").label(span, "here");
        };
        let inside = recovery::innermost(&text[..start]);
        let code_before = text[..start].trim_end();
        let (at, before) = (offset + start, offset + code_before.len());
        let at_start = text[code_before.len()..start].contains(['\n', ';']) || code_before.ends_with(['{', ';']);
        if found == "\"" && !rest[1..].lines().next().is_some_and(|line| line.contains('"')) {
            let span = Span::new(self.file, offset + start, offset + start + 1);
            return Diagnostic::error(Code::Syntax, "this text is never closed")
                .label(span, "opened here")
                .help("a text ends with `\"`, on the line that it starts on");
        }
        if recovery::follows_a_value(error, text, start) {
            return self.after_the_value(text, start, offset);
        }
        let habit = habits::habit(text, start, inside);
        let is_habit = habit.is_some();
        let mut expected: Vec<&str> = positives
            .iter()
            .filter(|&&rule| rule != Rule::end || !at_start)
            .filter_map(|&rule| describe(rule))
            .collect();
        expected.extend(positives.iter().flat_map(|&rule| beginnings(rule)));
        if positives.iter().any(|&rule| continues_expression(rule)) {
            expected.extend(closers(inside));
        }
        // A name that only arguments can follow.
        if positives.contains(&Rule::arguments) && !positives.contains(&Rule::plus) {
            expected.retain(|words| *words != "an operator");
            expected.push("arguments in `( )`");
        }
        if expected.contains(&"an expression") {
            expected.retain(|words| !OPERANDS.contains(words));
        }
        expected.sort_unstable();
        expected.dedup();
        let what = match found.trim() {
            "" => "unexpected end of the line".to_owned(),
            found => format!("unexpected `{found}`"),
        };
        let span = Span::new(self.file, offset + start, offset + start + found.trim().len());
        let label = match expected.as_slice() {
            [] if inside == Some(b'{') => "expected the end of the line".to_owned(),
            [] => "not understood here".to_owned(),
            [one] => format!("expected {one}"),
            [all @ .., last] => format!("expected {} or {last}", all.join(", ")),
        };
        let keywords = expected.iter().filter_map(|words| words.strip_prefix('`')?.strip_suffix('`'));
        let near = nearest(found, keywords).filter(|_| found.len() > 1 && !is_habit);
        let put =
            |len: usize, sign: &str| Fix::replace(Span::new(self.file, offset + start, offset + start + len), sign);
        let fix = match expected.as_slice() {
            _ if is_habit => habit.as_ref().and_then(|habit| habit.fix).map(|(len, right)| put(len, right)),
            ["`=`"] if rest.starts_with("==") => Some(put(2, "=")),
            ["`=`"] if found == ":" => Some(put(1, "=")),
            ["`=`"] => Some(Fix::insert(self.file, span.start as usize, "= ")),
            ["`:`"] if found == "=" => Some(put(1, ":")),
            ["`:`"] | ["`:`", "`{`"] if at > before => Some(Fix::insert(self.file, before, ":")),
            _ => None,
        };
        // `lett y = …` and `y = …` in a body, which could begin with a value.
        let line = code_before.rfind(['\n', ';', '{']).map_or(0, |at| at + 1);
        let line = line + text[line..].len() - text[line..].trim_start().len();
        let first = text
            .get(line..code_before.len())
            .filter(|first| first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        let (first, slip) = match first {
            Some(first) if !first.is_empty() && expected.contains(&"an operator") => {
                let span = Span::new(self.file, offset + line, offset + line + first.len());
                let insert = (found == "=").then(|| Fix::insert(self.file, offset + line, "let "));
                (insert, nearest(first, ["let"]).map(|near| (span, first, near)))
            }
            _ => (None, None),
        };
        let fix = fix.or(first.filter(|_| !is_habit));
        let reserved = (expected == ["a name"]
            && NasrecParser::parse(Rule::reserved, found)
                .is_ok_and(|mut pairs| pairs.next().is_some_and(|pair| pair.as_str() == found)))
        .then(|| format!("`{found}` is a word of the language; choose another name"));
        let number = found
            .starts_with(|c: char| c.is_ascii_digit())
            .then(|| NasrecParser::parse(Rule::number, rest).is_err())
            .filter(|wrong| *wrong)
            .map(|_| "a name starts with a letter; a number may end in `K`, `M` or `G`".to_owned());
        let outside = (["width", "input", "block", "out", "logit"].contains(&found)
            && expected.contains(&"`let`")
            && expected.contains(&"an expression"))
        .then(|| format!("`{found}` is a line of a space or a block, not of a body"));
        let mut diagnostic = Diagnostic::error(Code::Syntax, what).label(span, label);
        if let Some((span, first, near)) = slip.filter(|_| !is_habit) {
            diagnostic = diagnostic.did_you_mean(span, first, Some(near));
        }
        if expected == ["an expression"] && at > before + 1 && code_before.ends_with(['+', '-', '*', '/', '=', ',']) {
            let sign = Span::new(self.file, before - 1, before);
            diagnostic = diagnostic.label(sign, "a line that ends so goes on");
        }
        let call = (inside == Some(b'{')
            && expected.contains(&"an operator")
            && at > before
            && found.starts_with(|c: char| c.is_alphanumeric()))
        .then(|| code_before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next())
        .flatten()
        .filter(|last| NasrecParser::parse(Rule::name, last).is_ok())
        .map(|last| format!("arguments are in `( )`: `{last}({found})`"));
        let ends = (found == "}" && expected.contains(&"`let`") && expected.contains(&"an expression"))
            .then(|| "a body ends in a value".to_owned());
        let ends = ends.map(|ends| format!("{ends}: the last line, without a name, is what it gives"));
        diagnostic
            .help_if(habit.map(|habit| habit.help.to_owned()))
            .did_you_mean(span, found, near)
            .help_if(ends)
            .help_if(reserved)
            .help_if(number)
            .help_if(outside)
            .fix_if(fix)
            .help_if(call)
    }
}

/// What an expression can begin with: no news where an expression is expected.
const OPERANDS: [&str; 10] = [
    "`choose`",
    "`earlier`",
    "`if`",
    "`on` or `off`",
    "`pick`",
    "`repeat`",
    "a name",
    "a number",
    "a percentage",
    "a text in double quotes",
];

/// What can follow a whole expression, besides an operator, inside this bracket; `end` says where a line can end.
fn closers(inside: Option<u8>) -> &'static [&'static str] {
    match inside {
        Some(b'(') => &["`,`", "`)`"],
        Some(b'[') => &["`,`", "`]`"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_NESTING, is_name, too_deep};

    #[test]
    fn brackets_of_texts_and_comments_do_not_nest() {
        let many = "{[(".repeat(MAX_NESTING);
        for sound in [format!("dense \"{many}\"\n"), format!("/// {many}\n"), format!("a // \" {many}\n")] {
            assert_eq!(too_deep(&sound), None, "{sound}");
        }
        for deep in [many.clone(), format!("\"\" {many}"), format!("\"\n{many}\""), format!("// {many}\n{many}")] {
            assert!(too_deep(&deep).is_some(), "{deep}");
        }
    }

    #[test]
    fn words_are_names_but_for_keywords() {
        assert!(is_name("dense_2") && is_name("lets") && is_name("_x"));
        assert!(!["let", "2b", "a b", "", "a\nb", "a\"", "ä"].into_iter().any(is_name));
    }
}
