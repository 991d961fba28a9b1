//! Where a place is, told from the tokens before it.

use std::collections::HashSet;
use std::ops::Range;

use crate::format::tokens::{Kind, Token, span, tokens};
use crate::names::code;
use crate::syntax::lines;

/// What the brackets around a place are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// In no bracket of the item.
    Head,
    /// Statements of a space, settings of a search, lines of a schema, entries of an architecture.
    Item,
    Block,
    /// The parts of a stem.
    Stem,
    /// A section of a search or a schema, a block of an architecture.
    Section,
    Alternatives,
    /// `{ let … value }`
    Body,
    /// The arguments of a call.
    Call,
    /// The parameters of an operator or a space.
    Params,
    Group,
    List,
}

/// The tokens of the item before a place.
pub(super) struct Context<'a> {
    /// The word that is being written: it ends at the place.
    pub prefix: Range<usize>,
    pub in_comment: bool,
    pub in_text: bool,
    /// From the start of the item, without the word that is being written.
    pub before: Vec<Token<'a>>,
    /// Positions in `before` of the brackets that are open.
    pub open: Vec<usize>,
    /// Nothing but line breaks or `;` is between the place and the statement before it.
    pub fresh: bool,
}

impl<'a> Context<'a> {
    pub fn at(text: &'a str, at: usize) -> Self {
        let at = at.min(text.len());
        let start = text[..at]
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |last| last + text[last..].chars().next().map_or(1, char::len_utf8));
        let head = &text[..at];
        let inside = |kind: Kind| {
            tokens(head).last().is_some_and(|last| {
                let open = match kind {
                    Kind::Comment => !head[last.start..].contains('\n'),
                    _ => last.text.len() == 1 || !last.text.ends_with('"'),
                };
                last.kind == kind && open && span(last).end <= at && !head[last.start..].contains('\n')
            })
        };
        let (in_comment, in_text) = (inside(Kind::Comment), inside(Kind::Text));
        let prefix = if in_text { tokens(head).last().map_or(start, |last| last.start + 1)..at } else { start..at };
        let joined = lines::join(&text[..start]);
        let item = joined.items.last().map_or(0, |item| item.start);
        let code = code(&joined.text);
        let places: HashSet<usize> = code.iter().map(|token| token.start).filter(|&start| start >= item).collect();
        // The same tokens, borrowed from the file rather than from the joined copy.
        let before: Vec<Token<'a>> =
            tokens(&text[..start]).into_iter().filter(|token| places.contains(&token.start)).collect();
        let end = code.last().filter(|last| last.start >= item).map_or(0, |last| span(last).end);
        let broken = joined.text.get(end..).is_some_and(|rest| rest.contains('\n'));
        let after = before.last().is_none_or(|last| last.is(";") || last.is("{"));
        let mut open = Vec::new();
        for (position, token) in before.iter().enumerate() {
            match token.kind {
                Kind::Open => open.push(position),
                Kind::Close => {
                    open.pop();
                }
                _ => {}
            }
        }
        Self { prefix, in_comment, in_text, before, open, fresh: broken || after }
    }

    /// The word that the item starts with.
    pub fn item_word(&self) -> Option<&'a str> {
        self.before.first().map(|token| token.text)
    }

    /// Whether a new item would start here.
    pub fn starts_item(&self) -> bool {
        self.before.is_empty() || self.open.is_empty() && self.fresh
    }

    /// The token before the place, or one further back.
    pub fn back(&self, by: usize) -> Option<&Token<'a>> {
        self.before.len().checked_sub(by + 1).and_then(|at| self.before.get(at))
    }

    pub fn follows(&self, text: &str) -> bool {
        self.back(0).is_some_and(|token| token.is(text))
    }

    /// What the innermost open bracket is for.
    pub fn inside(&self) -> Inside {
        match self.open.last() {
            Some(&open) => self.bracket(open),
            None => Inside::Head,
        }
    }

    /// What the bracket at a position of `before` is for.
    pub fn bracket(&self, open: usize) -> Inside {
        let depth = self.open.iter().position(|&o| o == open).unwrap_or(0);
        let word_before = open.checked_sub(1).map(|at| &self.before[at]).filter(|token| token.kind == Kind::Word);
        match self.before[open].text {
            "[" => Inside::List,
            "(" if depth == 0 && matches!(self.item_word(), Some("op" | "space")) && open <= 2 => Inside::Params,
            "(" => match word_before {
                Some(word) if !matches!(word.text, "from" | "if" | "in" | "and" | "or" | "not" | "maybe" | "pick") => {
                    Inside::Call
                }
                _ => Inside::Group,
            },
            _ => match (self.item_word(), depth) {
                (Some("op"), 0) => Inside::Body,
                (_, 0) => Inside::Item,
                (Some("search" | "train" | "arch" | "schema"), _) => Inside::Section,
                _ => self.brace(open),
            },
        }
    }

    /// What a `{` inside a space or an operator is for: told from the statement before it.
    fn brace(&self, open: usize) -> Inside {
        let mut depth = 0;
        let mut words = Vec::new();
        for at in (0..open).rev() {
            let token = &self.before[at];
            match token.kind {
                Kind::Close => depth += 1,
                Kind::Open if depth == 0 => break,
                Kind::Open => depth -= 1,
                _ if depth > 0 => {}
                Kind::Sign if token.is(";") => break,
                Kind::Word => words.push(token.text),
                _ => {}
            }
            // The first word of a statement tells what it is.
            if depth == 0 && matches!(token.text, "block" | "let" | "out" | "logit" | "width" | "choose" | "repeat") {
                break;
            }
        }
        match words.last() {
            // `block b[…] after stem {`: a stem unless its braces have been closed before.
            Some(&"block") if words.get(1) == Some(&"after") && !self.before[open - 1].is("}") => Inside::Stem,
            Some(&"block") => Inside::Block,
            Some(&"choose") => Inside::Alternatives,
            _ => Inside::Body,
        }
    }

    /// The callee of the call around the place, with which argument this is and the names that are given.
    pub fn call(&self) -> Option<Call<'a>> {
        let &open = self.open.last()?;
        if self.bracket(open) != Inside::Call {
            return None;
        }
        let mut call = Call { callee: self.before[open - 1].text, position: 0, named: None, given: Vec::new() };
        let mut depth = 0;
        for at in open + 1..self.before.len() {
            let token = &self.before[at];
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ if depth > 0 => {}
                _ if token.is(",") => {
                    call.position += usize::from(call.named.is_none());
                    call.named = None;
                }
                _ if token.is(":") && self.before[at - 1].kind == Kind::Word => {
                    call.named = Some(self.before[at - 1].text);
                    call.given.push(self.before[at - 1].text);
                }
                _ => {}
            }
        }
        Some(call)
    }

    /// The words before the braces around the place, outermost first, without that of the item.
    pub fn sections(&self) -> Vec<&'a str> {
        let braces = self.open.iter().filter(|&&open| self.before[open].is("{")).skip(1);
        braces.filter_map(|&open| open.checked_sub(1)).map(|at| self.before[at].text).collect()
    }

    /// The tokens of the statement at hand, as far as it is written.
    pub fn statement(&self) -> &[Token<'a>] {
        if self.fresh {
            return &[];
        }
        let from = self.open.last().map_or(0, |open| open + 1);
        let mut start = from;
        for at in from..self.before.len() {
            // The text between two tokens decides; `;` is one of them.
            if self.before[at].is(";") {
                start = at + 1;
            } else if at > from && self.before[at].breaks > 0 && !matches!(self.before[at - 1].text, "," | ":") {
                start = at;
            }
        }
        &self.before[start..]
    }
}

/// A call around a place.
pub(super) struct Call<'a> {
    pub callee: &'a str,
    /// How many arguments without a name come before.
    pub position: usize,
    /// The name of the argument that is being written.
    pub named: Option<&'a str>,
    /// Arguments that are given by name.
    pub given: Vec<&'a str>,
}
