//! Expressions: names used, calls, and the scopes of bodies.

use super::{Kind, Role, Walker};
use crate::format::tokens;
use crate::names::index::Base;
use crate::syntax::MAX_NESTING;

/// Words of expressions that name nothing.
const WORDS: [&str; 25] = [
    "pick", "from", "maybe", "if", "else", "and", "or", "not", "implies", "in", "on", "off", "true", "false", "as",
    "step", "require", "forbid", "for", "of", "with", "after", "import", "width", "_",
];

/// What a `{` opens that is to come.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Body,
    Alternatives,
    /// The body of a `repeat`, with the places of the names after `as` and before `in`.
    Repeat([Option<usize>; 2]),
}

impl Walker<'_> {
    /// To the end of the expression: of the statement, or up to the next comma.
    pub(super) fn expression(&mut self, commas: bool) {
        // Innermost last: `repeat 2 from if c { a } else { b } as h { … }`.
        let mut opens: Vec<Next> = Vec::new();
        let mut base = Base::Unknown;
        let mut first = true;
        // Members of members so far: a member means what its base means.
        let mut members = 0;
        while let Some(token) = self.peek() {
            let ends = token.kind == tokens::Kind::Close
                || token.is(";")
                || commas && token.is(",")
                || token.breaks > 0 && !first
                || self.at_statement();
            if ends {
                break;
            }
            first = false;
            let before = base;
            base = Base::Unknown;
            match token.text {
                "(" => self.bracket(")"),
                "[" => {
                    self.bracket("]");
                    base = before;
                }
                "{" => match opens.pop().unwrap_or(Next::Body) {
                    Next::Body => self.body([None; 2]),
                    Next::Repeat(names) => self.body(names),
                    Next::Alternatives => self.nested(Self::alternatives),
                },
                "if" | "else" => {
                    let is_else = token.is("else");
                    self.at += 1;
                    // `else if` has one body less.
                    if !(is_else && self.is("if")) {
                        opens.push(Next::Body);
                    }
                }
                "." => {
                    self.at += 1;
                    // A line break ends the statement even where a member is still missing.
                    if self.peek().is_some_and(|token| token.breaks == 0)
                        && !self.at_statement()
                        && let Some(member) = self.used(Role::Member(before))
                    {
                        members += 1;
                        base = if members < MAX_NESTING { Base::Use(member) } else { Base::Unknown };
                    }
                }
                "choose" => {
                    opens.push(Next::Alternatives);
                    self.at += 1;
                }
                "repeat" => {
                    self.at += 1;
                    let number = (self.word().is_some() && self.is_at(1, "in")).then_some(self.at);
                    self.at += if number.is_some() { 2 } else { 0 };
                    opens.push(Next::Repeat([None, number]));
                }
                "as" => {
                    self.at += 1;
                    let name = self.word().map(|_| self.at);
                    if let Some(Next::Repeat(names)) = opens.last_mut() {
                        names[0] = name;
                        self.at += usize::from(name.is_some());
                    }
                }
                "earlier" => {
                    self.at += 1;
                    base = Base::Earlier;
                }
                _ if token.kind != tokens::Kind::Word => self.at += 1,
                word if WORDS.contains(&word) => self.at += 1,
                _ if self.is_at(1, "(") => {
                    if let Some(callee) = self.used(Role::Callee) {
                        self.arguments(callee);
                    }
                }
                _ => {
                    members = 0;
                    base = self.used(Role::Value).map_or(Base::Unknown, Base::Use);
                }
            }
        }
    }

    /// What is between brackets, divided by commas; the opening one is at hand.
    pub(super) fn bracket(&mut self, close: &str) {
        self.nested(|walker| {
            loop {
                walker.expression(true);
                if !walker.skip(",") {
                    break;
                }
            }
            walker.skip(close);
        });
    }

    /// The arguments of a call; the parenthesis is at hand.
    pub(super) fn arguments(&mut self, callee: usize) {
        self.nested(|walker| {
            loop {
                if walker.word().is_some() && walker.is_at(1, ":") {
                    walker.used(Role::Argument(callee));
                    walker.at += 1;
                }
                let loops = walker.loops();
                if loops.is_empty() {
                    walker.expression(true);
                } else {
                    walker.scoped(walker.owner, |walker| {
                        loops.into_iter().for_each(|name| walker.named_at(name, Kind::Number));
                        walker.each();
                        let (scope, stop) = (walker.scope, walker.stop());
                        walker.index.scopes[scope].range.end = stop;
                    });
                }
                if !walker.skip(",") {
                    break;
                }
            }
            walker.skip(")");
        });
    }

    /// The names that `for`s give in the argument at hand.
    fn loops(&self) -> Vec<usize> {
        let (mut depth, mut names) = (0usize, Vec::new());
        for (by, token) in self.tokens.get(self.at..self.last).unwrap_or_default().iter().enumerate() {
            match token.kind {
                tokens::Kind::Open => depth += 1,
                tokens::Kind::Close if depth == 0 => break,
                tokens::Kind::Close => depth -= 1,
                _ if depth == 0 && token.is(",") => break,
                _ if depth == 0 && token.is("for") && self.is_at(by + 2, "in") => names.push(self.at + by + 1),
                _ => {}
            }
        }
        names
    }

    /// `value for name in values …`: the names are known before.
    fn each(&mut self) {
        for name in self.loops() {
            // Up to the word `for`, then over the name and `in`.
            let last = std::mem::replace(&mut self.last, name - 1);
            self.expression(true);
            (self.last, self.at) = (last, name + 2);
        }
        self.expression(true);
    }

    /// `{ let … value }`, with a name for what an iteration is given.
    pub(super) fn body(&mut self, [turn, number]: [Option<usize>; 2]) {
        self.scoped(self.owner, |walker| {
            for (name, kind) in [(turn, Kind::Turn), (number, Kind::Number)] {
                name.into_iter().for_each(|name| walker.named_at(name, kind));
            }
            walker.nested(Self::body_statements);
        });
    }

    fn body_statements(&mut self) {
        while self.at < self.last && !self.is("}") {
            let before = self.at;
            if self.is("let") || self.is("shared") || self.is("width") {
                self.statement();
            } else if self.at_statement() {
                // The `}` is missing.
                return;
            } else {
                self.expression(false);
            }
            if self.at == before {
                if !self.is(";") {
                    return;
                }
                self.at += 1;
            }
        }
        self.skip("}");
    }

    fn alternatives(&mut self) {
        while self.at < self.last && !self.is("}") {
            let (before, start) = (self.at, self.start());
            let mut label = None;
            if self.word().is_some() && self.is_at(1, ":") {
                label = self.define(Kind::Alternative, start);
                self.at += 1;
                self.value_starts(label);
            }
            if self.is("{") {
                self.body([None; 2]);
            } else {
                let first = self.index.uses.len();
                self.expression(false);
                if let Some(used) = self.index.uses.get_mut(first).filter(|used| used.span.start == start) {
                    used.label = used.role == Role::Callee;
                }
            }
            let from = self.stop();
            self.close(label, from);
            if self.at == before {
                if !self.is(";") {
                    return;
                }
                self.at += 1;
            }
        }
        self.skip("}");
    }
}
