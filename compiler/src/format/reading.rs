//! What the grammar says of a source text, as far as layout and its proof need it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use nasrec_grammar::{NasrecParser, Rule};
use pest::Parser;
use pest::iterators::Pair;

use crate::syntax::lines;

/// One file as the grammar reads it.
pub(super) struct Reading {
    /// The text with comments blanked and with only those line breaks that end statements.
    pub joined: String,
    /// Every pair in order, without places and without blanks: equal for texts that parse to the same tree.
    pub outline: Vec<(Rule, String)>,
    /// Which rule each bracket belongs to, by the place of its opening.
    pub brackets: HashMap<usize, Rule>,
    /// Places of minus signs that negate.
    pub negations: HashSet<usize>,
    /// Places of colons between the shares of a ratio.
    pub ratio_colons: HashSet<usize>,
}

/// Reads a text that [`crate::syntax::parse`] has accepted; `None` where the grammar does not.
pub(super) fn read(source: &str) -> Option<Reading> {
    nasrec_grammar::limit_work();
    let joined = lines::join(source);
    let mut reading = Reading {
        joined: String::new(),
        outline: Vec::new(),
        brackets: HashMap::new(),
        negations: HashSet::new(),
        ratio_colons: HashSet::new(),
    };
    for (index, range) in joined.items.iter().enumerate() {
        let text = &joined.text[range.clone()];
        let pairs = match NasrecParser::parse(Rule::header, text) {
            Ok(header) if index == 0 => header,
            _ => NasrecParser::parse(Rule::item, text).ok()?,
        };
        pairs.for_each(|pair| reading.enter(&pair, range));
    }
    reading.joined = joined.text;
    Some(reading)
}

impl Reading {
    fn enter(&mut self, pair: &Pair<'_, Rule>, item: &Range<usize>) {
        let rule = pair.as_rule();
        let start = item.start + pair.as_span().start();
        let text = pair.as_str();
        match text.as_bytes().first() {
            // The innermost rule that starts with a bracket is the bracket's own.
            Some(b'(' | b'[' | b'{') => {
                self.brackets.insert(start, rule);
            }
            _ if rule == Rule::negate => {
                self.negations.insert(start);
            }
            _ if rule == Rule::ratio => self.ratio_colons.extend(text.match_indices(':').map(|(at, _)| start + at)),
            _ => {}
        }
        // How many line breaks end a statement is layout.
        let inner: Vec<_> = pair.clone().into_inner().filter(|pair| pair.as_rule() != Rule::end).collect();
        let written = match rule {
            // `{ ; }` holds nothing, and neither does `{ }`.
            _ if !inner.is_empty() || rule == Rule::statements => String::new(),
            Rule::text | Rule::doc => text.trim_end().to_owned(),
            _ => text.split_whitespace().collect(),
        };
        self.outline.push((rule, written));
        inner.iter().for_each(|pair| self.enter(pair, item));
        if !inner.is_empty() {
            // The end of what the rule holds, so that nesting counts.
            self.outline.push((rule, "end".to_owned()));
        }
    }
}
