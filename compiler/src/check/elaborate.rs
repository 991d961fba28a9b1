//! Writes a space out: every block instance, every operator at its call, as one graph.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use petgraph::graph::{DiGraph, NodeIndex};
use smallvec::SmallVec;

use super::program::{Item, ItemKind, Program};
use super::values::{Binding, Param, Source, Value};
use super::{CheckedSpace, Overrides};
use crate::diagnostics::{Code, Diagnostic, FileId, Span, nearest};
use crate::ir::{
    AxisRef, Choice, ChoiceId, ChoiceKind, CondId, Expressions, Gate, MAX_SIZE, Memo, NodeKind, Operand, ParamTemplate,
    SizeId, SpaceGraph, SpaceNode, TensorKind,
};
use crate::primitives::Primitive;
use crate::syntax::MAX_FINDINGS;
use crate::syntax::tree::{Arg, Block, Expr, ExprKind, Name, SpaceItem, Statement};

/// Largest graph of a space.
const MAX_NODES: usize = 100_000;
/// Most expressions that one space evaluates, with every operator written out at every call.
const MAX_STEPS: usize = 1_000_000;
/// An operator that is checked on its own gets this share of what a space gets.
const SHARE_OF_AN_OPERATOR: usize = 20;
/// Deepest nesting of expressions, with operators written out.
const MAX_DEPTH: usize = 400;
/// What all proofs about one space may cost, in sizes evaluated.
const PROOF_BUDGET: u64 = 100_000_000;
/// Most instances of one block, and most sources of one pick.
pub(super) const MAX_SOURCES: usize = 64;

/// A number as one would write it.
pub(super) fn number_words(value: f64) -> String {
    if value.abs() < 1e15 { value.to_string() } else { format!("{value:e}") }
}

/// The names that an expression can see.
pub(super) struct Scope {
    /// Where the expression is written: its operators are those that this file sees.
    pub file: FileId,
    pub frames: Vec<HashMap<String, Binding>>,
    /// In a block: the stem and the earlier instances, by output.
    pub earlier: Option<Vec<(String, Rc<Vec<Source>>)>>,
}

impl Scope {
    pub fn new(file: FileId) -> Self {
        Self { file, frames: vec![HashMap::new()], earlier: None }
    }

    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.frames.iter().rev().find_map(|frame| frame.get(name))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.frames.iter().flat_map(|frame| frame.keys().map(String::as_str))
    }
}

pub(super) struct Elaborator<'p> {
    pub program: &'p Program,
    pub ex: Expressions,
    pub graph: DiGraph<SpaceNode, Operand>,
    pub choices: Vec<Choice>,
    /// Each block's instances by number.
    pub families: Vec<Vec<(i64, Value)>>,
    blocks: Vec<(String, Vec<(String, NodeIndex)>)>,
    pub diagnostics: Vec<Diagnostic>,
    /// How often something failed, whether or not that was news.
    failures: usize,
    /// Nesting of the expression at hand, operators written out.
    pub depth: usize,
    /// Expressions evaluated so far.
    steps: usize,
    /// Sizes that are known to be positive.
    pub positive: HashSet<SizeId>,
    /// What proofs may still cost, in sizes evaluated.
    pub proof_budget: u64,
    /// A limit was met: nothing more is evaluated.
    exhausted: bool,
    pub memo: Memo,
    choice_ids: HashMap<String, ChoiceId>,
    reported: HashSet<(Code, Option<Span>)>,
    /// Names around the expression at hand: block instance, `let`, alternative, callee.
    pub path: Vec<String>,
    pub taken_paths: HashSet<String>,
    block: Option<String>,
    pub normalise: CondId,
    /// What is known to hold where the expression at hand is evaluated.
    pub facts: Vec<CondId>,
    pub parents: Vec<(ChoiceId, u32)>,
    /// The operators being written out: where each is defined and called.
    pub calls: Vec<(Span, Span)>,
    /// The alternative's label already names the call that it consists of.
    pub named_by_label: bool,
    /// An operator is checked on its own: nothing is known about its arguments.
    pub generic: bool,
}

/// Writes out the space `item` with these arguments.
pub(super) fn elaborate(
    program: &Program,
    item: &Item,
    args: &[Arg],
    overrides: &Overrides,
) -> (Option<CheckedSpace>, Vec<Diagnostic>) {
    let mut elaborator = Elaborator::new(program);
    let checked = elaborator.space(item, args, overrides);
    (checked.filter(|_| elaborator.failures == 0), elaborator.diagnostics)
}

impl<'p> Elaborator<'p> {
    pub fn new(program: &'p Program) -> Self {
        let mut ex = Expressions::default();
        let normalise = ex.known(true);
        Self {
            program,
            ex,
            graph: DiGraph::new(),
            choices: Vec::new(),
            families: Vec::new(),
            blocks: Vec::new(),
            diagnostics: Vec::new(),
            failures: 0,
            depth: 0,
            steps: 0,
            positive: HashSet::new(),
            proof_budget: PROOF_BUDGET,
            exhausted: false,
            memo: Memo::default(),
            choice_ids: HashMap::new(),
            reported: HashSet::new(),
            path: Vec::new(),
            taken_paths: HashSet::new(),
            block: None,
            normalise,
            facts: Vec::new(),
            parents: Vec::new(),
            calls: Vec::new(),
            named_by_label: false,
            generic: false,
        }
    }

    /// Records a finding, once a place: block instances repeat it.
    pub fn report(&mut self, mut diagnostic: Diagnostic) {
        self.failures += 1;
        if self.diagnostics.len() >= MAX_FINDINGS {
            return;
        }
        let place = diagnostic.labels.first().map(|label| label.span);
        if !self.reported.insert((diagnostic.code, place)) {
            return;
        }
        if !self.generic
            && let Some(&(_, call)) = self.calls.first()
            && place.is_some_and(|span| span != call)
        {
            diagnostic = diagnostic.label(call, "in this call");
        }
        self.diagnostics.push(diagnostic);
    }

    pub fn fail<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.report(diagnostic);
        None
    }

    /// A failure that follows from one which has been told where it is.
    pub fn already_told<T>(&mut self) -> Option<T> {
        self.failures += 1;
        None
    }

    /// Whether one more expression may be evaluated: what is written in a few lines can be exponentially large.
    pub fn affordable(&mut self, at: Span) -> bool {
        self.steps += 1;
        let share = if self.generic { SHARE_OF_AN_OPERATOR } else { 1 };
        let (max_nodes, max_steps) = (MAX_NODES / share, MAX_STEPS / share);
        let (steps, nodes) = (self.steps > max_steps, self.graph.node_count() > max_nodes);
        if steps || nodes || self.depth > MAX_DEPTH {
            let message = if nodes {
                format!("this needs more than {max_nodes} graph nodes")
            } else if steps {
                format!("this takes more than {max_steps} steps to write out")
            } else {
                format!("calls and expressions are nested more than {MAX_DEPTH} deep")
            };
            // One such finding is enough, wherever it is met first.
            if !self.exhausted {
                self.exhausted = true;
                self.report(Diagnostic::error(Code::TooLarge, message).label(at, "given up here"));
            }
            self.failures += 1;
        }
        !self.exhausted && self.diagnostics.len() < MAX_FINDINGS
    }

    pub fn tensor(&self, node: NodeIndex) -> TensorKind {
        self.graph[node].tensor
    }

    pub fn axes(&self, node: NodeIndex) -> SmallVec<[AxisRef; 2]> {
        self.graph[node].axes.clone()
    }

    pub fn describe(&self, value: &Value) -> String {
        value.describe(|node| self.tensor(node))
    }

    pub fn add(
        &mut self,
        kind: NodeKind,
        tensor: TensorKind,
        axes: SmallVec<[AxisRef; 2]>,
        operands: &[(Gate, NodeIndex)],
        name: &str,
    ) -> NodeIndex {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path.join(".")) };
        let node = SpaceNode { kind, tensor, axes, params: SmallVec::new(), path: path.into() };
        let node = self.graph.add_node(node);
        for (port, &(gate, source)) in operands.iter().enumerate() {
            self.graph.add_edge(source, node, Operand { port: port as u32, gate });
        }
        node
    }

    pub fn params(&mut self, node: NodeIndex, params: impl IntoIterator<Item = ParamTemplate>) {
        self.graph[node].params.extend(params);
    }

    /// A new choice, named by the names around it.
    pub fn choice(&mut self, kind: ChoiceKind, own: Option<&str>, span: Span) -> Option<ChoiceId> {
        let mut parts = self.path.clone();
        parts.extend(own.map(str::to_owned));
        let name = parts.join(".");
        if name.is_empty() || self.block.as_ref().is_some_and(|block| *block == name) {
            let message = "nothing names this choice";
            return self
                .fail(Diagnostic::error(Code::Unlabelled, message).label(span, "a choice").help("bind it with `let`"));
        }
        if let Some(other) = self.choice_ids.get(&name) {
            let other = self.choices[other.index()].span;
            let diagnostic = Diagnostic::error(Code::Unlabelled, format!("two choices would be called `{name}`"))
                .label(span, "this one")
                .label(other, "and this one")
                .help("bind each choice with a `let` of its own");
            return self.fail(diagnostic);
        }
        let parent = self.parents.last().copied();
        let id = ChoiceId(self.choices.len() as u32);
        self.choice_ids.insert(name.clone(), id);
        self.choices.push(Choice { name, block: self.block.clone(), kind, parent, span });
        Some(id)
    }

    fn space(&mut self, item: &Item, args: &[Arg], overrides: &Overrides) -> Option<CheckedSpace> {
        let program = self.program;
        let space = program.space(item);
        let mut scope = Scope::new(item.span.file);
        let arguments = self.space_params(space, args, overrides, &mut scope);
        if let Some(Binding { value: Value::Truth(cond), .. }) = scope.get("normalise") {
            self.normalise = *cond;
        }
        scope.frames.push(HashMap::new());
        let mut logit = None;
        for statement in &space.body {
            if let Statement::Logit { value, span } = statement {
                if logit.is_some() {
                    self.report(
                        Diagnostic::error(Code::Duplicate, "a space has one logit").label(*span, "a second one"),
                    );
                }
                logit = Some(self.logit(&mut scope, value));
            } else {
                self.statement(&mut scope, statement);
            }
        }
        let Some(logit) = logit else {
            let unread = |s: &Statement| matches!(s, Statement::Unreadable { words } if words[..1] == ["logit"]);
            if space.body.iter().any(unread) {
                return self.already_told();
            }
            return self.fail(
                Diagnostic::error(Code::Block, format!("space `{}` has no logit", space.name.text))
                    .label(space.name.span, "what it predicts is missing")
                    .help("end it with `logit = linear(…, 1)`"),
            );
        };
        let graph = SpaceGraph {
            graph: std::mem::take(&mut self.graph),
            expressions: std::mem::take(&mut self.ex),
            choices: std::mem::take(&mut self.choices),
            logit: logit?,
            blocks: std::mem::take(&mut self.blocks),
        };
        let arguments = arguments.into_iter().map(|param| (param.name, param.source)).collect();
        Some(CheckedSpace { name: space.name.text.clone(), arguments, graph })
    }

    /// Binds the space's parameters; what was given from outside is returned as source.
    fn space_params(
        &mut self,
        space: &SpaceItem,
        args: &[Arg],
        overrides: &Overrides,
        scope: &mut Scope,
    ) -> Vec<Param> {
        let mut given = Vec::new();
        let known: Vec<&str> = space.params.iter().map(|(name, _)| name.text.as_str()).chain(["normalise"]).collect();
        for arg in args {
            match &arg.name {
                None => self.report(
                    Diagnostic::error(Code::Arguments, "a space takes named arguments")
                        .label(arg.value.span, "which parameter is this?")
                        .help(format!("`{}` has the parameters {}", space.name.text, known.join(", "))),
                ),
                Some(name) if !known.contains(&name.text.as_str()) => {
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
        let normalise = Name { text: "normalise".to_owned(), span: space.name.span };
        let on = Expr { kind: ExprKind::Switch(true), span: space.name.span };
        let implied = (!space.params.iter().any(|(name, _)| name.text == "normalise")).then_some((normalise, on));
        for (name, default) in implied.iter().chain(&space.params) {
            let arg = args.iter().find(|arg| arg.name.as_ref().is_some_and(|n| n.text == name.text));
            let from_outside = overrides.get(&name.text).or(arg.map(|arg| &arg.value));
            let value = match from_outside {
                Some(expr) => {
                    let text = self.program.sources.text(expr.span);
                    let source = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    given.push(Param { name: name.text.clone(), source });
                    // An argument is written where the space is used, so it sees none of the space's names.
                    let mut outside = Scope::new(expr.span.file);
                    self.eval(&mut outside, expr)
                }
                None => self.eval(scope, default),
            };
            let Some(value) = value else {
                self.spoil(scope, name);
                continue;
            };
            if !matches!(value, Value::Size(_) | Value::Truth(_) | Value::List(_) | Value::Range { .. }) {
                let span = from_outside.map_or(default.span, |expr| expr.span);
                let message = format!("a parameter of a space cannot be {}", self.describe(&value));
                self.report(
                    Diagnostic::error(Code::Kind, message).label(span, "expected a number, a switch or a list"),
                );
                self.spoil(scope, name);
                continue;
            }
            scope.frames[0].insert(name.text.clone(), Binding { value, span: name.span });
        }
        for name in overrides.keys().filter(|name| !known.contains(&name.as_str())) {
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

    pub fn bind(&mut self, scope: &mut Scope, name: &Name, value: Value) {
        let frame = scope.frames.last_mut().expect("a scope has a frame");
        if let Some(first) = frame.get(&name.text) {
            let first = first.span;
            self.report(
                Diagnostic::error(Code::Duplicate, format!("`{}` is defined twice", name.text))
                    .label(name.span, "again here")
                    .label(first, "first here"),
            );
            return;
        }
        frame.insert(name.text.clone(), Binding { value, span: name.span });
    }

    /// Binds a name whose definition has a mistake, so that its uses say nothing more.
    pub fn spoil(&mut self, scope: &mut Scope, name: &Name) {
        let frame = scope.frames.last_mut().expect("a scope has a frame");
        frame.entry(name.text.clone()).or_insert(Binding { value: Value::Spoilt, span: name.span });
    }

    fn statement(&mut self, scope: &mut Scope, statement: &Statement) {
        match statement {
            Statement::Input { name, kind } => self.input(scope, name, kind),
            Statement::Width { name, values } => {
                if let Some(values) = self.widths(scope, values)
                    && let Some(choice) = self.choice(ChoiceKind::Width { values }, Some(&name.text), name.span)
                {
                    let size = self.ex.atom(crate::ir::Size::Width(choice));
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
            Statement::Logit { .. } => {}
        }
    }

    fn input(&mut self, scope: &mut Scope, name: &Name, kind: &Name) {
        let value = match kind.text.as_str() {
            "dense" => {
                let numeric = self.ex.atom(crate::ir::Size::Numeric);
                let axis = self.ex.prefix(numeric);
                let kind = NodeKind::Primitive(Primitive::Numeric);
                Value::Tensor(self.add(kind, TensorKind::Dense, [axis].into_iter().collect(), &[], &name.text))
            }
            "categorical" => Value::Categorical,
            other => {
                let near = nearest(other, ["dense", "categorical"]);
                self.spoil(scope, name);
                return self.report(
                    Diagnostic::error(Code::Kind, format!("there is no kind of input called `{other}`"))
                        .label(kind.span, "expected `dense` or `categorical`")
                        .did_you_mean(kind.span, other, near),
                );
            }
        };
        let same = |other: &Value| {
            matches!((&value, other), (Value::Tensor(_), Value::Tensor(_)) | (Value::Categorical, Value::Categorical))
        };
        if let Some(first) = scope.frames[1].values().find(|binding| same(&binding.value)).map(|binding| binding.span) {
            self.report(
                Diagnostic::error(Code::Duplicate, format!("two inputs of kind `{}`", kind.text))
                    .label(name.span, "a second one")
                    .label(first, "the first")
                    .help("all columns of one kind arrive in one input"),
            );
            self.spoil(scope, name);
            return;
        }
        self.bind(scope, name, value);
    }

    fn logit(&mut self, scope: &mut Scope, value: &Expr) -> Option<NodeIndex> {
        self.path.push("logit".to_owned());
        let result = self.eval(scope, value);
        self.path.pop();
        let node = self.expect_tensor(result?, value.span)?;
        let one = self.ex.constant(1.0);
        let axes = self.axes(node);
        if self.tensor(node) != TensorKind::Dense || self.ex.as_constant(axes[0].size) != Some(1.0) {
            let proved = self.tensor(node) == TensorKind::Dense && self.prove_equal(axes[0].size, one).is_ok();
            if !proved {
                let what = self.shape_words(node);
                return self.fail(
                    Diagnostic::error(Code::Shape, "a logit is one number a sample")
                        .label(value.span, format!("this is {what}"))
                        .help("end with `linear(…, 1)`"),
                );
            }
        }
        Some(node)
    }

    /// Writes a block's instances out; `None` where one has a mistake.
    fn block(&mut self, scope: &mut Scope, block: &Block) -> Option<()> {
        let (lo, hi) = self.instances(scope, &block.range)?;
        let mut handed_on: Vec<(String, Vec<Source>)> = Vec::new();
        if let Some((stem, parts)) = &block.stem {
            let mut outs = Vec::new();
            for (part, value) in parts {
                self.path.extend([stem.text.clone(), part.text.clone()]);
                let result = self.eval(scope, value);
                self.path.truncate(self.path.len() - 2);
                let node = result.and_then(|result| self.expect_tensor(result, value.span))?;
                outs.push((part.text.clone(), node));
                handed_on.push((part.text.clone(), vec![Source { label: stem.text.clone(), node }]));
            }
            self.bind(scope, stem, Value::Instance(Rc::new(outs)));
        }
        let mut family = Vec::new();
        for index in lo..=hi {
            let name = format!("{}[{index}]", block.name.text);
            let outs = self.instance(scope, block, &name, &handed_on)?;
            for (out, node) in &outs {
                let source = Source { label: name.clone(), node: *node };
                match handed_on.iter_mut().find(|(known, _)| known == out) {
                    Some((_, sources)) => sources.push(source),
                    None => handed_on.push((out.clone(), vec![source])),
                }
            }
            self.blocks.push((name, outs.clone()));
            family.push((index, Value::Instance(Rc::new(outs))));
        }
        self.families.push(family);
        let family = Value::Family(self.families.len() - 1);
        self.bind(scope, &block.name, family);
        Some(())
    }

    /// One instance: its statements in a scope of their own; what it hands on.
    fn instance(
        &mut self,
        scope: &mut Scope,
        block: &Block,
        name: &str,
        handed_on: &[(String, Vec<Source>)],
    ) -> Option<Vec<(String, NodeIndex)>> {
        scope.frames.push(HashMap::new());
        let earlier = handed_on.iter().map(|(out, sources)| (out.clone(), Rc::new(sources.clone()))).collect();
        let outside = scope.earlier.replace(earlier);
        self.path.push(name.to_owned());
        self.block = Some(name.to_owned());
        let mut outs: Vec<(String, NodeIndex)> = Vec::new();
        let before = self.failures;
        for statement in &block.body {
            match statement {
                Statement::Out { name, value } => {
                    self.path.push(name.text.clone());
                    let result = self.eval(scope, value);
                    self.path.pop();
                    let Some(node) = result.and_then(|result| self.expect_tensor(result, value.span)) else { continue };
                    if outs.iter().any(|(known, _)| *known == name.text) {
                        let message = format!("output `{}` is defined twice", name.text);
                        self.report(Diagnostic::error(Code::Duplicate, message).label(name.span, "again here"));
                    }
                    outs.push((name.text.clone(), node));
                }
                Statement::Block(inner) => self.report(
                    Diagnostic::error(Code::Block, "a block cannot hold another block")
                        .label(inner.name.span, "this one is inside")
                        .label(block.name.span, "this one"),
                ),
                Statement::Input { name, .. } => self.report(
                    Diagnostic::error(Code::Block, "an input belongs to the space, not to a block")
                        .label(name.span, "inside a block"),
                ),
                Statement::Logit { span, .. } => self.report(
                    Diagnostic::error(Code::Block, "the logit belongs to the space, not to a block")
                        .label(*span, "inside a block"),
                ),
                other => self.statement(scope, other),
            }
        }
        if outs.is_empty() && self.failures == before {
            self.report(
                Diagnostic::error(Code::Block, format!("block `{}` hands nothing on", block.name.text))
                    .label(block.name.span, "no `out` in it")
                    .help("add `out name = …`"),
            );
        }
        self.block = None;
        self.path.pop();
        scope.earlier = outside;
        scope.frames.pop();
        (self.failures == before).then_some(outs)
    }

    fn instances(&mut self, scope: &mut Scope, range: &Expr) -> Option<(i64, i64)> {
        let value = self.eval(scope, range)?;
        let bounds = match value {
            Value::Range { lo, hi, step: None } => self.ex.as_constant(lo).zip(self.ex.as_constant(hi)),
            _ => None,
        };
        match bounds {
            Some((lo, hi)) if lo.fract() == 0.0 && hi.fract() == 0.0 && lo >= 0.0 && hi >= lo => {
                if hi - lo >= MAX_SOURCES as f64 {
                    let message = format!("{} instances of a block; at most {MAX_SOURCES} are possible", hi - lo + 1.0);
                    return self.fail(Diagnostic::error(Code::TooLarge, message).label(range.span, "too many"));
                }
                Some((lo as i64, hi as i64))
            }
            _ => self.fail(
                Diagnostic::error(Code::NotConstant, "a block's instances are numbered by a fixed range")
                    .label(range.span, "expected a range of whole numbers, such as `1..7`"),
            ),
        }
    }

    /// The values of a `width`: a list or a range of positive whole numbers.
    fn widths(&mut self, scope: &mut Scope, expr: &Expr) -> Option<Vec<i64>> {
        let value = self.eval(scope, expr)?;
        let numbers: Option<Vec<f64>> = match &value {
            Value::List(items) => items
                .iter()
                .map(|item| match item {
                    Value::Size(size) => self.ex.as_constant(*size),
                    _ => None,
                })
                .collect(),
            Value::Range { lo, hi, step } => {
                let step = step.map_or(Some(1.0), |step| self.ex.as_constant(step));
                self.ex.as_constant(*lo).zip(self.ex.as_constant(*hi)).zip(step).and_then(|((lo, hi), step)| {
                    (step >= 1.0 && hi >= lo && (hi - lo) / step <= 65_536.0)
                        .then(|| std::iter::successors(Some(lo), |x| Some(x + step)).take_while(|x| *x <= hi).collect())
                })
            }
            Value::Size(size) => self.ex.as_constant(*size).map(|one| vec![one]),
            _ => None,
        };
        let Some(numbers) = numbers else {
            let what = self.describe(&value);
            return self.fail(
                Diagnostic::error(Code::Kind, "a width is taken from a list or a range of numbers")
                    .label(expr.span, format!("this is {what}"))
                    .help("such as `[16, 32, 64]` or `16..256 step 16`"),
            );
        };
        if numbers.is_empty() {
            return self.fail(
                Diagnostic::error(Code::Size, "there is no width to choose").label(expr.span, "this list is empty"),
            );
        }
        if let Some(bad) = numbers.iter().find(|x| !(1.0..=MAX_SIZE as f64).contains(*x) || x.fract() != 0.0) {
            return self.fail(
                Diagnostic::error(Code::Size, format!("{} is not a width", number_words(*bad)))
                    .label(expr.span, format!("expected whole numbers from 1 to {MAX_SIZE}")),
            );
        }
        let mut widths: Vec<i64> = Vec::new();
        let mut seen = HashSet::new();
        for number in numbers {
            if !seen.insert(number as i64) {
                return self.fail(
                    Diagnostic::error(Code::Duplicate, format!("the width {number} is offered twice"))
                        .label(expr.span, "in this list"),
                );
            }
            widths.push(number as i64);
        }
        Some(widths)
    }

    pub fn constant_size(&self, size: SizeId) -> Option<f64> {
        self.ex.as_constant(size)
    }
}

impl Program {
    /// Checks one item of the entry file.
    pub(super) fn check_item(&self, item: &Item) -> Vec<Diagnostic> {
        match item.kind {
            ItemKind::Op => Elaborator::new(self).check_op(item),
            ItemKind::Space => elaborate(self, item, &[], &Overrides::new()).1,
            ItemKind::Schema => self.schema(item).err().unwrap_or_default(),
            ItemKind::Search => self.search(item, &[]).err().unwrap_or_default(),
            ItemKind::Arch => self.arch(item).err().unwrap_or_default(),
        }
    }

    /// A space with its default parameters.
    ///
    /// # Errors
    /// The findings, where there are errors among them.
    pub fn check_space(&self, item: &Item) -> Result<CheckedSpace, Vec<Diagnostic>> {
        let (space, diagnostics) = elaborate(self, item, &[], &Overrides::new());
        space.ok_or(diagnostics)
    }
}
