//! The space itself: its parameters, its statements and its inputs.

use std::collections::{HashMap, HashSet};

use super::Overrides;
use super::elaborate::Elaborator;
use super::logits::Logits;
use super::program::Item;
use super::required::due;
use super::schema::column_names;
use super::scope::{Pending, Scope};
use super::values::{Binding, Param, Value};
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::ir::{
    CheckedSpace, Input, InputId, InputKind, MAX_INPUTS, NodeKind, Offer, Size, SizeId, SpaceGraph, TensorKind,
};
use crate::primitives::Numeric;
use crate::syntax::tree::{Arg, Columns, Expr, ExprKind, Name, SpaceItem, Statement};

/// The names that statements define.
fn defined(statements: &[Statement]) -> impl Iterator<Item = &Name> {
    statements.iter().filter_map(|statement| match statement {
        Statement::Input { name, .. } | Statement::Width { name, .. } | Statement::Let { name, .. } => Some(name),
        Statement::Block(block) => Some(&block.name),
        _ => None,
    })
}

impl Elaborator<'_> {
    pub(super) fn space(&mut self, item: &Item, args: &[Arg], overrides: &Overrides) -> Option<CheckedSpace> {
        let program = self.program;
        let space = program.space_item(item);
        let mut scope = Scope::new(item.span.file);
        let arguments = self.space_params(space, args, overrides, &mut scope);
        if let Some(Binding { value: Value::Truth(cond), .. }) = scope.get("normalise") {
            self.normalise = cond;
        }
        scope.enter();
        self.statements = defined(&space.body).map(|name| (name.text.clone(), name.span)).collect();
        self.title.clone_from(&space.name.text);
        let mut due = due(&space.body);
        let mut logits = Logits::default();
        for (at, statement) in space.body.iter().enumerate() {
            self.known_before(at, &mut due, &scope);
            // What follows from that would be told of it again.
            if self.is_refuted {
                return None;
            }
            match statement {
                Statement::Logit(logit) => self.logit(&mut scope, logit, &mut logits),
                statement => self.statement(&mut scope, statement),
            }
        }
        let logits = self.logits(space, logits);
        self.settle_shared();
        let constraints = self.constraints();
        let (logit, heads) = logits?;
        let graph = SpaceGraph {
            constraints,
            graph: std::mem::take(&mut self.graph),
            expressions: std::mem::take(&mut self.ex),
            inputs: std::mem::take(&mut self.inputs),
            choices: std::mem::take(&mut self.choices),
            columns: Vec::new(),
            logit,
            heads,
            blocks: std::mem::take(&mut self.blocks),
        };
        let arguments = arguments.into_iter().map(|param| (param.name, param.source)).collect();
        Some(CheckedSpace { name: space.name.text.clone(), arguments, graph })
    }

    /// Binds the space's parameters; what was given from outside is returned as source.
    pub(super) fn space_params(
        &mut self,
        space: &SpaceItem,
        args: &[Arg],
        overrides: &Overrides,
        scope: &mut Scope,
    ) -> Vec<Param> {
        let mut given = Vec::new();
        let known: Vec<&str> = space.params.iter().map(|(name, _)| name.text.as_str()).chain(["normalise"]).collect();
        let is_known: HashSet<&str> = known.iter().copied().collect();
        let named = args.iter().rev().filter_map(|arg| Some((arg.name.as_ref()?.text.as_str(), arg)));
        let by_name: HashMap<&str, &Arg> = named.collect();
        for arg in args {
            match &arg.name {
                None => self.report(
                    Diagnostic::error(Code::Arguments, "a space takes named arguments")
                        .label(arg.value.span, "which parameter is this?")
                        .help(format!("`{}` has the parameters {}", space.name.text, known.join(", "))),
                ),
                Some(name) if !is_known.contains(name.text.as_str()) => {
                    let near = nearest(&name.text, known.iter().copied());
                    self.report(
                        Diagnostic::error(
                            Code::Arguments,
                            format!("space `{}` has no parameter `{}`", space.name.text, name.text),
                        )
                        .label(name.span, "not a parameter")
                        .did_you_mean(name.span, &name.text, near)
                        .help_if(Some(format!("its parameters are {}", known.join(", ")))),
                    );
                }
                Some(_) => {}
            }
        }
        let implied = implied_normalise(space);
        for (name, default) in implied.iter().chain(&space.params) {
            let arg = by_name.get(name.text.as_str());
            let from_outside = overrides.get(&name.text).or(arg.map(|arg| &arg.value));
            let value = match from_outside {
                Some(expr) => {
                    // An argument is written where the space is used, so it sees none of the space's names.
                    let mut outside = Scope::new(expr.span.file);
                    let value = self.eval(&mut outside, expr);
                    let source = self.argument(expr, value.as_ref());
                    given.push(Param { name: name.text.clone(), source });
                    value
                }
                None => self.eval(scope, default),
            };
            let at = from_outside.map_or(default.span, |expr| expr.span);
            let Some(value) = value.and_then(|value| self.parameter_value(value, at)) else {
                self.spoil(scope, name);
                continue;
            };
            scope.set(&name.text, Binding { value, span: name.span });
        }
        for name in overrides.keys().filter(|name| !is_known.contains(name.as_str())) {
            let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            self.report(
                Diagnostic::error(Code::Arguments, format!("space `{}` has no parameter `{name}`", space.name.text))
                    .label(overrides[name].span, "set here")
                    .help_if(near)
                    .help_if(Some(format!("its parameters are {}", known.join(", ")))),
            );
        }
        given
    }

    /// The value, where a parameter of a space can have it: a number, a switch, a list or a range.
    pub(super) fn parameter_value(&mut self, value: Value, at: Span) -> Option<Value> {
        if matches!(value, Value::Size(_) | Value::Truth(_) | Value::List(_) | Value::Range { .. }) {
            return Some(value);
        }
        let message = format!("a parameter of a space cannot be {}", self.describe(&value));
        self.fail(Diagnostic::error(Code::Kind, message).label(at, "expected a number, a switch or a list"))
    }

    /// An argument as source that means the same in every file: as it is written, or its value where it names what
    /// its own file defines.
    fn argument(&mut self, expr: &Expr, value: Option<&Value>) -> String {
        let text = self.program.sources.text(expr.span);
        let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let named = words.any(|word| self.program.lookup(expr.span.file, word).is_some());
        let value = value.filter(|_| named).and_then(|value| self.written(value));
        value.unwrap_or_else(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// A value as source, where no choice decides it.
    fn written(&mut self, value: &Value) -> Option<String> {
        let number = |this: &Self, size| this.ex.as_constant(size).map(|number| number.to_string());
        match value {
            Value::Size(size) => number(self, *size),
            Value::Truth(cond) => {
                let word = |on: bool| if on { "on" } else { "off" };
                [true, false].into_iter().find(|&on| self.ex.known(on) == *cond).map(|on| word(on).to_owned())
            }
            Value::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(|item| self.written(item)).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
            Value::Range { lo, hi, step } => {
                let step = match step {
                    Some(step) => format!(" step {}", number(self, *step)?),
                    None => String::new(),
                };
                Some(format!("{}..{}{step}", number(self, *lo)?, number(self, *hi)?))
            }
            _ => None,
        }
    }

    pub(super) fn statement(&mut self, scope: &mut Scope, statement: &Statement) {
        match statement {
            Statement::Input { name, kind, from } => self.input(scope, name, kind, from),
            Statement::Width { name, values } => {
                if let Some(values) = self.widths(scope, values, 1)
                    && let Some(choice) = self.choice(Offer::width(values), Some(&name.text), name.span)
                {
                    let size = self.ex.atom(Size::Width(choice));
                    self.bind(scope, name, Value::Size(size));
                } else {
                    self.spoil(scope, name);
                }
            }
            Statement::Unreadable { words } => {
                self.failures += 1;
                let span = Span::new(scope.file, 0, 0);
                for word in words {
                    self.spoil(scope, &Name { text: word.clone(), span });
                }
            }
            Statement::Let { name, value } => {
                self.path.push(name.text.clone());
                let value = self.eval(scope, value);
                self.path.pop();
                match value {
                    Some(value) => self.bind(scope, name, value),
                    None => self.spoil(scope, name),
                }
            }
            Statement::Out { name, .. } => self.report(
                Diagnostic::error(Code::Block, "`out` belongs in a block").label(name.span, "no block around it"),
            ),
            Statement::Block(block) => {
                if self.block(scope, block).is_none() {
                    self.spoil(scope, &block.name);
                }
            }
            Statement::Shared { name, value } => match self.shared(scope, name, value) {
                Some(value) => self.bind(scope, name, value),
                None => self.spoil(scope, name),
            },
            Statement::Demand(demand) => {
                self.demands.push(Pending {
                    scope: scope.snapshot(),
                    block: self.block.clone(),
                    demand: demand.clone(),
                });
            }
            Statement::Logit(_) => {}
        }
    }

    pub(super) fn input(&mut self, scope: &mut Scope, name: &Name, kind: &Name, from: &[Columns]) {
        let Some((kind, from)) = self.said_of_input(kind, from) else { return self.spoil(scope, name) };
        // A space that is called, and its caller, read what either of them has named.
        let own = |span: &Span| self.called_spaces.is_empty() && self.statements.values().any(|known| known == span);
        let first = self.inputs.iter().find(|input| input.kind == kind && input.from == from);
        if let Some(known) = first.filter(|first| !own(&first.span)).and_then(|_| self.known_input(kind, &from)) {
            return self.bind(scope, name, known);
        }
        let whole = self.inputs.iter().find(|input| input.kind == kind && input.from.is_empty() && from.is_empty());
        if let Some(first) = whole {
            let diagnostic = Diagnostic::error(Code::Duplicate, format!("two inputs of kind `{}`", kind.word()))
                .label(name.span, "a second one")
                .label(first.span, "the first")
                .help(format!(
                    "all columns of one kind arrive in one input; one that reads some of them says which: `input {}: {} from …`",
                    name.text,
                    kind.word()
                ));
            self.report(diagnostic);
            return self.spoil(scope, name);
        }
        if self.inputs.len() == MAX_INPUTS {
            let message = format!("more than {MAX_INPUTS} inputs");
            self.report(Diagnostic::error(Code::TooLarge, message).label(name.span, "one too many"));
            return self.spoil(scope, name);
        }
        let id = InputId(self.inputs.len() as u8);
        let named = !from.is_empty();
        self.inputs.push(Input { name: name.text.clone(), kind, from, span: name.span });
        let value = match kind {
            InputKind::Dense => {
                let columns = self.ex.atom(if named { Size::Columns(id) } else { Size::Numeric });
                let axis = self.ex.prefix(columns);
                let kind = NodeKind::Primitive(Numeric.into());
                let node = self.add(kind, TensorKind::Dense, [axis].into_iter().collect(), &[], &name.text);
                self.graph[node].reads = Some(id);
                Value::Tensor(node)
            }
            InputKind::Categorical => Value::Categorical(id),
            InputKind::Sequence => Value::Sequence(id),
        };
        self.bind(scope, name, value);
    }

    /// The kind of an input, and what it reads.
    fn said_of_input(&mut self, kind: &Name, from: &[Columns]) -> Option<(InputKind, Vec<String>)> {
        let known = InputKind::ALL;
        let Some(of) = known.into_iter().find(|of| of.word() == kind.text) else {
            let near = nearest(&kind.text, known.map(InputKind::word));
            return self.fail(
                Diagnostic::error(Code::Kind, format!("there is no kind of input called `{}`", kind.text))
                    .label(kind.span, "expected `dense`, `categorical` or `sequence`")
                    .did_you_mean(kind.span, &kind.text, near),
            );
        };
        let names: Result<Vec<Vec<String>>, Diagnostic> = from.iter().map(column_names).collect();
        match names {
            Ok(names) => Some((of, names.concat())),
            Err(diagnostic) => self.fail(diagnostic),
        }
    }

    /// How many columns a categorical input has, or how many places a sequence.
    pub(super) fn count_of(&mut self, input: InputId) -> SizeId {
        let of_its_own = |input: &Input| !input.from.is_empty() || input.kind == InputKind::Sequence;
        let named = self.inputs.get(input.index()).is_some_and(of_its_own);
        self.ex.atom(if named { Size::Columns(input) } else { Size::Fields })
    }
}

/// The parameter `normalise = on` that a space has where it names none of its own.
pub(super) fn implied_normalise(space: &SpaceItem) -> Option<(Name, Expr)> {
    let span = space.name.span;
    let named = space.params.iter().any(|(name, _)| name.text == "normalise");
    let on = Expr { kind: ExprKind::Switch(true), span };
    (!named).then_some((Name { text: "normalise".to_owned(), span }, on))
}
