//! Which names a file defines, which of them it uses, and which hide others: all that can be known from text.

use std::collections::{HashMap, HashSet};

use super::walk;
use crate::check::program::{ItemKind, Program};
use crate::diagnostics::{FileId, Span};
use crate::primitives;
use crate::syntax::tree::{Arg, Block, Body, Demand, Expr, ExprKind, Name, SettingValue, Statement};

/// What a name inside of an item stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Let,
    Width,
    Shared,
    Input,
    Parameter,
    /// The number of a block's instance.
    Number,
    /// What an iteration was given.
    Turn,
    /// The stem or a block, which are read through `earlier` too.
    Block,
}

pub(super) struct Definition {
    pub name: Name,
    pub kind: Kind,
    /// With its value, where it has one of its own.
    pub span: Span,
    pub used: bool,
    /// What has this name outside.
    pub hides: Option<Hidden>,
}

/// What a name hides: where it is defined, or nowhere in the files.
#[derive(Clone, Copy)]
pub(super) enum Hidden {
    Outer(Span),
    Item(ItemKind, Span),
    Primitive,
}

/// The names of one file.
pub(super) struct Names<'p> {
    program: &'p Program,
    file: FileId,
    pub definitions: Vec<Definition>,
    /// Names at the top level that something uses.
    pub items: HashSet<String>,
    /// Where the definitions of each scope begin, innermost last, and those of them that are still in scope.
    scopes: Vec<(usize, Vec<usize>)>,
    /// The definitions in scope by name, innermost last.
    visible: HashMap<String, Vec<usize>>,
    /// Words of requirements, which speak of choices wherever these are.
    words: HashSet<String>,
    /// Where the definitions of the item at hand begin.
    start: usize,
}

impl<'p> Names<'p> {
    pub fn of(program: &'p Program, file: FileId) -> Self {
        let mut names = Names {
            program,
            file,
            definitions: Vec::new(),
            items: HashSet::new(),
            scopes: Vec::new(),
            visible: HashMap::new(),
            words: HashSet::new(),
            start: 0,
        };
        let tree = program.tree(file);
        for item in &tree.consts {
            names.item(&[], |this| this.expr(&item.value));
        }
        for op in &tree.ops {
            names.item(&[], |this| {
                for param in &op.params {
                    param.kind.sizes.iter().chain(&param.default).for_each(|expr| this.expr(expr));
                    this.define(&param.name, Kind::Parameter, param.name.span);
                }
                this.body(&op.body);
                op.result.iter().flat_map(|result| &result.sizes).for_each(|size| this.expr(size));
            });
        }
        for space in &tree.spaces {
            names.item(&space.body, |this| {
                for (name, default) in &space.params {
                    this.expr(default);
                    this.define(name, Kind::Parameter, name.span);
                }
            });
        }
        for pattern in &tree.patterns {
            names.item(&pattern.body, |this| {
                for (name, default) in &pattern.params {
                    default.iter().for_each(|default| this.expr(default));
                    this.define(name, Kind::Parameter, name.span);
                }
            });
        }
        names.uses_of_items();
        names
    }

    /// What searches, architectures and tests refer to.
    fn uses_of_items(&mut self) {
        let tree = self.program.tree(self.file);
        for search in tree.searches.iter().chain(&tree.trains) {
            let spaces = search.over.iter().map(|(space, _)| space).chain(&search.baselines);
            for reference in spaces {
                self.items.insert(reference.name.text.clone());
                self.args(&reference.args);
            }
            let named = search.base.iter().chain(search.over.iter().map(|(_, schema)| schema));
            self.items.extend(named.map(|name| name.text.clone()));
            for setting in &search.settings {
                if let SettingValue::Expr(value) = &setting.value {
                    self.expr(value);
                }
            }
            search.demands.iter().for_each(|demand| self.demand(demand));
        }
        for arch in &tree.archs {
            self.items.insert(arch.space.name.text.clone());
            self.items.extend(arch.schema.iter().map(|name| name.text.clone()));
            self.args(&arch.space.args);
        }
        tree.tests.iter().flat_map(|test| &test.claims).for_each(|claim| self.expr(claim));
        let words = std::mem::take(&mut self.words);
        self.items.extend(words);
    }

    /// One item: its parameters in a scope, its statements in one inside of it.
    fn item(&mut self, statements: &[Statement], parameters: impl FnOnce(&mut Self)) {
        self.start = self.definitions.len();
        self.scoped(|this| {
            parameters(this);
            this.scoped(|this| statements.iter().for_each(|statement| this.statement(statement)));
        });
        for definition in &mut self.definitions[self.start..] {
            definition.used |= self.words.contains(&definition.name.text);
        }
        // A constant, or what is defined later on in this file.
        let words = std::mem::take(&mut self.words);
        self.items.extend(words);
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.visible.get(name)?.last().copied()
    }

    fn define(&mut self, name: &Name, kind: Kind, span: Span) {
        let known = self.find(&name.text);
        let outside = known.map(|at| Hidden::Outer(self.definitions[at].name.span));
        let item = self.program.lookup(self.file, &name.text).and_then(|item| {
            // Operators and values have names of their own, except that a shared call is called.
            let hidden = if kind == Kind::Shared { ItemKind::Op } else { ItemKind::Const };
            (item.kind == hidden).then_some(Hidden::Item(hidden, item.span))
        });
        let called = name.text == "concat" || primitives::find(&name.text).is_some();
        let primitive = (kind == Kind::Shared && called).then_some(Hidden::Primitive);
        // A second definition in one scope is an error.
        let twice = self.scopes.last().zip(known).is_some_and(|((start, _), known)| known >= *start);
        let hides = outside.or(item).or(primitive).filter(|_| !twice && kind != Kind::Turn);
        // What is hidden may well have been meant.
        if hides.is_some() {
            self.items.insert(name.text.clone());
        }
        let at = self.definitions.len();
        self.definitions.push(Definition { name: name.clone(), kind, span, used: false, hides });
        if let Some((_, scope)) = self.scopes.last_mut() {
            scope.push(at);
            self.visible.entry(name.text.clone()).or_default().push(at);
        }
    }

    fn scoped(&mut self, inner: impl FnOnce(&mut Self)) {
        self.scopes.push((self.definitions.len(), Vec::new()));
        inner(self);
        for at in self.scopes.pop().into_iter().flat_map(|(_, scope)| scope) {
            if let Some(known) = self.visible.get_mut(&self.definitions[at].name.text) {
                known.pop();
            }
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Input { name, .. } => self.define(name, Kind::Input, name.span),
            Statement::Width { name, values } => {
                self.expr(values);
                self.define(name, Kind::Width, name.span);
            }
            Statement::Let { name, value } => {
                self.expr(value);
                self.define(name, Kind::Let, name.span.to(value.span));
            }
            Statement::Shared { name, value } => {
                if let ExprKind::Call { callee, args } = &value.kind {
                    // The operator is that of the file, whatever is shared around here.
                    self.items.insert(callee.text.clone());
                    self.args(args);
                }
                self.define(name, Kind::Shared, name.span.to(value.span));
            }
            Statement::Demand(demand) => self.demand(demand),
            Statement::Out { value, .. } => self.expr(value),
            Statement::Logit(logit) => logit.expressions().for_each(|value| self.expr(value)),
            Statement::Block(block) => self.block(block),
            Statement::Unreadable { .. } => {}
        }
    }

    fn block(&mut self, block: &Block) {
        self.expr(&block.range);
        if let Some((stem, parts)) = &block.stem {
            parts.iter().for_each(|(_, value)| self.expr(value));
            self.define(stem, Kind::Block, stem.span);
        }
        self.scoped(|this| {
            block.number.iter().for_each(|number| this.define(number, Kind::Number, number.span));
            if let Some(of) = &block.of {
                this.items.insert(of.name.text.clone());
                this.args(&of.args);
            }
            this.scoped(|this| block.body.iter().for_each(|statement| this.statement(statement)));
        });
        self.define(&block.name, Kind::Block, block.name.span);
    }

    fn demand(&mut self, demand: &Demand) {
        for condition in &demand.conditions {
            self.words.extend(walk::words(condition).into_iter().map(str::to_owned));
        }
    }

    fn body(&mut self, body: &Body) {
        self.scoped(|this| {
            body.bindings.iter().for_each(|binding| this.statement(binding));
            this.expr(&body.value);
        });
    }

    fn args(&mut self, args: &[Arg]) {
        args.iter().for_each(|arg| self.expr(&arg.value));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => match self.find(name) {
                Some(at) => self.definitions[at].used = true,
                None => {
                    self.items.insert(name.clone());
                }
            },
            ExprKind::Call { callee, args } => {
                match self.find(&callee.text) {
                    Some(at) if self.definitions[at].kind == Kind::Shared => self.definitions[at].used = true,
                    _ => {
                        self.items.insert(callee.text.clone());
                    }
                }
                self.args(args);
            }
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Member(of, _) | ExprKind::Unary(_, of) | ExprKind::Widths(of) => self.expr(of),
            ExprKind::Index(a, b) | ExprKind::Binary(_, a, b) | ExprKind::Pick { count: a, from: b } => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Range { lo, hi, step } => {
                self.expr(lo);
                self.expr(hi);
                step.iter().for_each(|step| self.expr(step));
            }
            ExprKind::Choose { count, alternatives } => {
                count.iter().for_each(|count| self.expr(count));
                alternatives.iter().for_each(|alternative| self.expr(&alternative.value));
            }
            ExprKind::Repeat { number, count, from, name, body } => {
                self.expr(count);
                self.expr(from);
                self.scoped(|this| {
                    number.iter().for_each(|number| this.define(number, Kind::Number, number.span));
                    this.define(name, Kind::Turn, name.span);
                    this.body(body);
                });
            }
            ExprKind::Body(body) => self.body(body),
            ExprKind::If { condition, then, otherwise } => {
                self.expr(condition);
                self.body(then);
                self.body(otherwise);
            }
            ExprKind::Each { value, loops } => {
                self.expr(value);
                loops.iter().for_each(|(_, over)| self.expr(over));
            }
            ExprKind::Number(_)
            | ExprKind::Percent(_)
            | ExprKind::Bytes(_)
            | ExprKind::Duration(_)
            | ExprKind::Text(_)
            | ExprKind::Switch(_)
            | ExprKind::Earlier(_)
            | ExprKind::Lost => {}
        }
    }
}
