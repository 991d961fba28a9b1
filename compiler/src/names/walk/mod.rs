//! From tokens to an index, whatever is wrong with the text: items and what they hold.

mod expressions;
mod items;

use super::index::{Definition, FileIndex, Kind, Role, Scope, Use};
use crate::format::tokens::{self, Token, tokens};
use crate::syntax::{MAX_NESTING, lines};

/// Words that can only start a statement: where one stands inside an expression, a bracket before it is missing.
const STATEMENTS: [&str; 6] = ["let", "out", "input", "logit", "block", "shared"];

impl FileIndex {
    /// The index of a text.
    pub fn new(text: &str) -> Self {
        let joined = lines::join(text);
        let mut walker = Walker {
            tokens: code(&joined.text),
            at: 0,
            last: 0,
            depth: 0,
            index: Self::default(),
            scope: 0,
            owner: None,
            block: None,
            condition: false,
            end: text.len(),
        };
        walker.index.scopes.push(Scope { range: 0..text.len(), parent: None, owner: None });
        for range in &joined.items {
            walker.last = walker.tokens.partition_point(|token| token.start < range.end);
            walker.end = range.end;
            if walker.at < walker.last {
                walker.item();
            }
            walker.at = walker.last;
            (walker.scope, walker.owner, walker.block, walker.condition) = (0, None, None, false);
        }
        walker.index
    }
}

/// The tokens of a joined text without its comments; only line breaks that end a statement are counted.
pub(crate) fn code(joined: &str) -> Vec<Token<'_>> {
    let mut breaks = 0;
    let mut out = Vec::new();
    for mut token in tokens(joined) {
        if token.is_comment() {
            breaks += token.breaks;
        } else {
            token.breaks += std::mem::take(&mut breaks);
            out.push(token);
        }
    }
    out
}

struct Walker<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    /// Where the tokens of the item at hand end.
    last: usize,
    /// How many brackets are around what is at hand.
    depth: usize,
    index: FileIndex,
    scope: usize,
    /// The definition around what is at hand.
    owner: Option<usize>,
    block: Option<usize>,
    /// Whether a condition is at hand.
    condition: bool,
    /// Where the item at hand ends.
    end: usize,
}

impl<'a> Walker<'a> {
    fn ahead(&self, by: usize) -> Option<&Token<'a>> {
        self.tokens[..self.last].get(self.at + by)
    }

    fn peek(&self) -> Option<&Token<'a>> {
        self.ahead(0)
    }

    fn is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.is(text))
    }

    fn is_at(&self, by: usize, text: &str) -> bool {
        self.ahead(by).is_some_and(|token| token.is(text))
    }

    fn word(&self) -> Option<&'a str> {
        self.peek().filter(|token| token.kind == tokens::Kind::Word).map(|token| token.text)
    }

    fn skip(&mut self, text: &str) -> bool {
        let found = self.is(text);
        self.at += usize::from(found);
        found
    }

    fn start(&self) -> usize {
        self.peek().map_or(self.end, |token| token.start)
    }

    /// The last token that was read; none behind the last of all, where a bracket was expected that nobody opened.
    fn before(&self) -> Option<&Token<'a>> {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at))
    }

    /// Where the last token that was read ends.
    fn stop(&self) -> usize {
        self.before().map_or(0, |token| tokens::span(token).end)
    }

    /// Whether what is at hand is a statement that something before it swallowed for want of a bracket.
    fn at_statement(&self) -> bool {
        let follows = |text| self.before().is_some_and(|token| token.is(text));
        let named = self.word().is_some_and(|word| {
            STATEMENTS.contains(&word) || word == "width" && self.is_at(2, "in") && !self.is_at(1, ".")
        });
        named && !follows(".") && !self.is_at(1, ":")
    }

    fn define(&mut self, kind: Kind, start: usize) -> Option<usize> {
        let token = self.peek().filter(|token| token.kind == tokens::Kind::Word)?;
        let span = tokens::span(token);
        let name = token.text.to_owned();
        self.at += 1;
        self.index.definitions.push(Definition {
            kind,
            name,
            extent: start..span.end,
            value: span.end,
            from: span.end,
            span,
            scope: self.scope,
            owner: self.owner,
        });
        Some(self.index.definitions.len() - 1)
    }

    /// The name at this token is defined here, in the scope at hand.
    fn named_at(&mut self, at: usize, kind: Kind) {
        let here = std::mem::replace(&mut self.at, at);
        let start = self.start();
        if let Some(definition) = self.define(kind, start) {
            // What `for` names is used before it is named.
            self.index.definitions[definition].from = self.index.scopes[self.scope].range.start;
        }
        self.at = here;
    }

    /// Says where a definition ends, which is here, and from where on its name can be used.
    fn close(&mut self, definition: Option<usize>, named_from: usize) {
        let stop = self.stop();
        if let Some(definition) = definition.and_then(|at| self.index.definitions.get_mut(at)) {
            definition.extent.end = stop.max(definition.span.end);
            definition.from = named_from;
        }
    }

    fn value_starts(&mut self, definition: Option<usize>) {
        let start = self.start();
        if let Some(definition) = definition {
            self.index.definitions[definition].value = start;
        }
    }

    fn used(&mut self, role: Role) -> Option<usize> {
        let token = self.peek().filter(|token| token.kind == tokens::Kind::Word)?;
        let (name, span) = (token.text.to_owned(), tokens::span(token));
        self.at += 1;
        let (scope, owner, condition) = (self.scope, self.owner, self.condition);
        self.index.uses.push(Use { name, span, scope, role, owner, condition, label: false });
        Some(self.index.uses.len() - 1)
    }

    /// Does `inside` behind the bracket at hand; what is nested deeper than any file that is understood, and than the
    /// stack may be, is passed over.
    fn nested(&mut self, inside: impl FnOnce(&mut Self)) {
        if self.depth < MAX_NESTING {
            self.depth += 1;
            self.at += 1;
            inside(self);
            self.depth -= 1;
            return;
        }
        let mut open = 0usize;
        while let Some(token) = self.peek() {
            match token.kind {
                tokens::Kind::Open => open += 1,
                tokens::Kind::Close => open = open.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                break;
            }
        }
    }

    /// Does `inside` in a scope that starts here.
    fn scoped(&mut self, owner: Option<usize>, inside: impl FnOnce(&mut Self)) {
        let outer = self.scope;
        let range = self.start()..self.end;
        self.index.scopes.push(Scope { range, parent: Some(outer), owner });
        self.scope = self.index.scopes.len() - 1;
        inside(self);
        // A bracket that nobody closed leaves the scope open to the end of the item.
        let closed = self.before().is_some_and(|token| token.is("}"));
        if closed {
            self.index.scopes[self.scope].range.end = self.stop();
        }
        self.scope = outer;
    }

    fn item(&mut self) {
        let start = self.start();
        let Some(word) = self.word() else { return };
        self.at += 1;
        match word {
            "nasrec" => {}
            "import" => self.import(),
            "const" => {
                let definition = self.define(Kind::Const, start);
                self.skip("=");
                self.value_starts(definition);
                self.expression(false);
                self.close(definition, 0);
            }
            "op" => self.held(Kind::Op, start, Self::op),
            "space" => self.held(Kind::Space, start, |walker, space| {
                walker.params(Kind::SpaceParam, space);
                walker.value_starts(Some(space));
                walker.skip("{");
                walker.statements();
            }),
            "block" => self.held(Kind::Pattern, start, |walker, pattern| {
                walker.params(Kind::SpaceParam, pattern);
                walker.value_starts(Some(pattern));
                walker.block = Some(pattern);
                walker.skip("{");
                walker.statements();
                walker.block = None;
            }),
            "test" => self.held(Kind::Test, start, |walker, _| {
                walker.condition = true;
                walker.skip("{");
                walker.statements();
            }),
            "schema" => self.held(Kind::Schema, start, |walker, schema| {
                walker.value_starts(Some(schema));
                walker.schema();
            }),
            "search" => self.held(Kind::Search, start, Self::search),
            "train" => self.held(Kind::Train, start, Self::search),
            "arch" => self.held(Kind::Arch, start, Self::arch),
            _ => self.held(Kind::Item, start, |walker, _| {
                while walker.at < walker.last {
                    walker.expression(false);
                    walker.at += 1;
                }
            }),
        }
    }

    /// An item with a scope of its own.
    fn held(&mut self, kind: Kind, start: usize, inside: impl FnOnce(&mut Self, usize)) {
        let Some(definition) = self.define(kind, start) else { return };
        self.owner = Some(definition);
        self.scoped(Some(definition), |walker| inside(walker, definition));
        // Text that is not understood belongs to the item before it.
        self.at = self.last;
        self.close(Some(definition), 0);
    }

    /// `(name: type = default, …)` or `(name = default, …)`
    fn params(&mut self, kind: Kind, owner: usize) {
        if !self.skip("(") {
            return;
        }
        while self.at < self.last && !self.is(")") && !self.is("{") {
            let start = self.start();
            let Some(param) = self.define(kind, start) else {
                self.at += 1;
                continue;
            };
            debug_assert_eq!(self.index.definitions[param].owner, Some(owner));
            if self.skip(":") {
                self.value_starts(Some(param));
                self.type_of();
            }
            if self.skip("=") {
                if kind == Kind::SpaceParam {
                    self.value_starts(Some(param));
                }
                self.expression(true);
            }
            let from = self.stop();
            self.close(Some(param), from);
            self.skip(",");
        }
        self.skip(")");
    }

    /// `dense[w]`: the word is a type, what is in the brackets is not.
    fn type_of(&mut self) {
        self.at += usize::from(self.word().is_some());
        if self.is("[") {
            self.bracket("]");
        }
    }

    fn op(&mut self, op: usize) {
        self.params(Kind::OpParam, op);
        if self.skip("->") {
            self.type_of();
        }
        self.value_starts(Some(op));
        if self.skip("=") {
            self.expression(false);
        } else if self.is("{") {
            self.body([None; 2]);
        }
    }

    /// Statements to the `}` that ends them; the `{` has been read.
    fn statements(&mut self) {
        while self.at < self.last && !self.is("}") {
            let before = self.at;
            self.statement();
            if self.at == before {
                self.at += 1;
            }
        }
        self.skip("}");
    }

    /// Goes on to where a statement of one line ends.
    fn rest_of_line(&mut self) {
        while self.peek().is_some_and(|token| token.breaks == 0 && !token.is("}") && !token.is(";")) {
            self.at += 1;
        }
    }

    fn statement(&mut self) {
        let start = self.start();
        match self.word() {
            Some("input") => {
                self.at += 1;
                let definition = self.define(Kind::Input, start);
                if self.skip(":") {
                    self.value_starts(definition);
                    self.at += usize::from(self.word().is_some());
                }
                // What stands behind `from` a schema names, and nothing here.
                self.rest_of_line();
                let from = self.stop();
                self.close(definition, from);
            }
            Some("width") => {
                self.at += 1;
                let definition = self.define(Kind::Width, start);
                self.skip("in");
                self.defined_as(definition);
            }
            Some("let") => self.binding(Kind::Let),
            Some("shared") => self.binding(Kind::Shared),
            Some("out") => {
                self.at += 1;
                let definition = self.define(Kind::Out, start);
                self.skip("=");
                self.defined_as(definition);
            }
            Some("logit" | "auxiliary") => {
                self.at += 1;
                self.at += usize::from(self.word().is_some());
                if self.is("(") {
                    self.nested(Self::of_logit);
                }
                self.skip("=");
                self.expression(false);
            }
            Some("block") => self.block(start),
            Some("require" | "forbid") => {
                self.at += 1;
                self.conditions();
            }
            _ => self.expression(false),
        }
    }

    /// What a logit says of itself, `of: label, weight: number)`: what is of a schema is named by nothing here.
    fn of_logit(&mut self) {
        loop {
            let of_schema = self.is("of");
            self.at += if self.word().is_some() && self.is_at(1, ":") { 2 } else { 0 };
            if of_schema {
                self.at += usize::from(self.word().is_some());
            }
            self.expression(true);
            if !self.skip(",") {
                break;
            }
        }
        self.skip(")");
    }

    /// What stands behind `require` and `forbid`.
    pub(super) fn conditions(&mut self) {
        let outer = std::mem::replace(&mut self.condition, true);
        self.expression(false);
        self.condition = outer;
    }

    /// The value of a definition, to the end of the statement.
    fn defined_as(&mut self, definition: Option<usize>) {
        self.value_starts(definition);
        let outer = self.owner;
        self.owner = definition.or(outer);
        self.expression(false);
        self.owner = outer;
        let from = self.stop();
        self.close(definition, from);
    }

    fn binding(&mut self, kind: Kind) {
        let start = self.start();
        self.at += 1;
        let definition = self.define(kind, start);
        self.skip("=");
        self.defined_as(definition);
    }

    fn block(&mut self, start: usize) {
        self.at += 1;
        let block = self.define(Kind::Block, start);
        let mut number = None;
        if self.is("[") {
            self.value_starts(block);
            if self.is_at(2, "in") {
                number = Some(self.at + 1);
                self.at += 2;
            }
            self.bracket("]");
        }
        let outer = (self.owner, self.block);
        if self.skip("of") {
            self.reference();
        }
        let stem_start = self.start();
        if self.skip("after") {
            // The stem is visible around the block, its parts are outputs of the block.
            let stem = self.define(Kind::Stem, stem_start);
            (self.owner, self.block) = (block.or(outer.0), block);
            if self.skip("{") {
                while self.at < self.last && !self.is("}") {
                    let part_start = self.start();
                    match self.define(Kind::Out, part_start) {
                        Some(part) => {
                            self.skip("=");
                            self.value_starts(Some(part));
                            self.expression(false);
                            let from = self.stop();
                            self.close(Some(part), from);
                        }
                        None => self.at += 1,
                    }
                }
                self.skip("}");
            }
            let from = self.stop();
            self.close(stem, from);
        }
        (self.owner, self.block) = (block.or(outer.0), block);
        // Its instances see those before them.
        let from = self.start();
        if self.is("{") {
            self.scoped(block, |walker| {
                if let Some(number) = number {
                    walker.named_at(number, Kind::Number);
                }
                walker.nested(Self::statements);
            });
        }
        (self.owner, self.block) = outer;
        self.close(block, from);
    }
}
