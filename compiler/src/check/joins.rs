//! Where tensors meet: concat, sums, picks, `choose`, `maybe` and `if`.

use std::rc::Rc;

use petgraph::graph::NodeIndex;
use smallvec::SmallVec;

use super::elaborate::{Elaborator, Fork, MAX_SOURCES, number_words};
use super::prove::Disproof;
use super::scope::Scope;
use super::values::{Source, Value};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{AxisRef, ChoiceId, Cond, Gate, InputKind, LayoutExpr, NodeKind, Offer, Size, SizeId, TensorKind};
use crate::primitives::{Add, Concat, Primitive};
use crate::syntax::tree::{Alternative, Body, Expr, ExprKind, Statement};

/// Such as `16 when b[1].w = 16`.
pub(super) fn in_case(value: f64, when: &str) -> String {
    let value = number_words(value);
    if when.is_empty() { value } else { format!("{value} when {when}") }
}

/// Where the text of a body is.
fn extent(body: &Body) -> Span {
    let value = body.value.span;
    body.bindings.iter().fold(value, |extent, binding| match binding {
        Statement::Let { name, .. } | Statement::Width { name, .. } | Statement::Shared { name, .. } => {
            extent.to(name.span)
        }
        _ => extent,
    })
}

/// An operand of a sum or a concatenation.
struct Joined {
    gate: Gate,
    node: NodeIndex,
    span: Span,
}

/// What sizes are of that do not agree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// How many fields there are.
    Fields,
    /// How many numbers.
    Numbers,
}

impl Elaborator<'_> {
    /// A tensor that is certainly there.
    pub fn expect_tensor(&mut self, value: Value, span: Span) -> Option<NodeIndex> {
        match value {
            Value::Tensor(node) => Some(node),
            Value::Optional { choice, .. } => {
                let name = self.choices[choice.index()].name.clone();
                self.fail(
                    Diagnostic::error(Code::MaybeEmpty, "this tensor may be absent")
                        .label(span, format!("there only when `{name}` is on"))
                        .help("a `maybe` can be an operand of `+` or of `concat`"),
                )
            }
            Value::Picked { .. } => self.fail(
                Diagnostic::error(Code::Kind, "several picked tensors, where one tensor is expected")
                    .label(span, "a pick of more than one")
                    .help("join them: `concat(pick … from …)`"),
            ),
            other => {
                let what = self.describe(&other);
                self.fail(
                    Diagnostic::error(Code::Kind, "a tensor is expected here").label(span, format!("this is {what}")),
                )
            }
        }
    }

    /// Such as `dense[16]`, for messages.
    pub fn shape_words(&self, node: NodeIndex) -> String {
        let sizes: Vec<String> = self.graph[node].axes.iter().map(|axis| self.size_words(axis.size)).collect();
        format!("{}[{}]", self.tensor(node).word(), sizes.join(", "))
    }

    /// A size in words: its value where it is fixed, else what it depends on.
    pub fn size_words(&self, size: SizeId) -> String {
        match self.ex.size(size) {
            Size::Numeric => "numeric columns".to_owned(),
            Size::Fields => "fields".to_owned(),
            Size::Columns(input) => match self.inputs.get(input.index()) {
                Some(input) if input.kind == InputKind::Sequence => format!("places of `{}`", input.name),
                Some(input) => format!("columns of `{}`", input.name),
                None => "columns".to_owned(),
            },
            Size::Width(choice) => self.choices[choice.index()].name.clone(),
            _ => match self.ex.as_constant(size) {
                Some(value) => value.to_string(),
                None => "…".to_owned(),
            },
        }
    }

    /// Says that two sizes which must agree do not, or cannot be shown to.
    pub fn disagree(&mut self, disproof: Disproof, (what, of): (&str, Of), at: Span, other: Span) {
        let diagnostic = match disproof {
            Disproof::Counterexample { when, left, right } => {
                let message = format!("{what} do not agree: {left} and {right}");
                let then = if when.is_empty() { "" } else { " then" };
                let diagnostic = Diagnostic::error(Code::Shape, message).label(at, in_case(left, &when));
                if other == at { diagnostic } else { diagnostic.label(other, format!("{right}{then}")) }
            }
            Disproof::Undecided => {
                Diagnostic::error(Code::Shape, format!("{what} cannot be shown to agree under every choice"))
                    .label(at, "depends on too many choices to try them all")
            }
        };
        self.report(diagnostic.help(match of {
            Of::Fields => {
                "`concat` puts fields behind fields, however many they are, and `linear_fields(s, n)` makes n of them"
            }
            Of::Numbers => "`fit(x, width)` brings a tensor to a width",
        }));
    }

    /// Shows that these are of one shape; a finding where they are not.
    fn same_shape(&mut self, nodes: &[(NodeIndex, Span)], what: &str) -> Option<()> {
        let (first, first_span) = *nodes.first()?;
        let axes = self.axes(first);
        for &(node, span) in &nodes[1..] {
            if self.tensor(node) != self.tensor(first) {
                let (a, b) = (self.tensor(first).word(), self.tensor(node).word());
                return self.fail(
                    Diagnostic::error(Code::Kind, format!("{what} are of different kinds"))
                        .label(first_span, format!("a {a} tensor"))
                        .label(span, format!("a {b} tensor")),
                );
            }
            let sparse = self.tensor(node) == TensorKind::Sparse;
            for (axis, (mine, theirs)) in axes.iter().zip(self.axes(node)).enumerate() {
                if let Err(disproof) = self.prove_equal(mine.size, theirs.size) {
                    let of = if sparse && axis == 0 { Of::Fields } else { Of::Numbers };
                    self.disagree(disproof, (what, of), first_span, span);
                    return None;
                }
            }
        }
        Some(())
    }

    fn operands(&mut self, values: Vec<(Value, Span)>, what: &str) -> Option<Vec<Joined>> {
        let mut operands = Vec::new();
        let mut can_be_empty = true;
        let all = values.iter().map(|&(_, span)| span).reduce(Span::to)?;
        for (value, span) in values {
            match value {
                Value::Optional { choice, node } => {
                    operands.push(Joined { gate: Gate::Taken(choice, 1), node, span });
                }
                Value::Picked { choice, lo, sources } => {
                    can_be_empty &= lo == 0;
                    operands.extend(sources.iter().enumerate().map(|(i, source)| Joined {
                        gate: Gate::Taken(choice, i as u32),
                        node: source.node,
                        span,
                    }));
                }
                Value::Sources(sources) => {
                    can_be_empty = false;
                    operands.extend(sources.iter().map(|s| Joined { gate: Gate::Always, node: s.node, span }));
                }
                other => {
                    let node = self.expect_tensor(other, span)?;
                    can_be_empty = false;
                    operands.push(Joined { gate: Gate::Always, node, span });
                }
            }
        }
        if can_be_empty {
            return self.fail(
                Diagnostic::error(Code::MaybeEmpty, format!("{what} can become empty"))
                    .label(all, "every operand may be absent")
                    .help("keep one operand that is always there"),
            );
        }
        Some(operands)
    }

    /// `concat(…)`: along the width of dense tensors, along the fields of sparse ones.
    pub fn concat(&mut self, values: Vec<(Value, Span)>, span: Span) -> Option<Value> {
        if values.is_empty() {
            return self.fail(Diagnostic::error(Code::Arguments, "`concat` of nothing").label(span, "no operands"));
        }
        let operands = self.operands(values, "this concatenation")?;
        let first = operands.first()?;
        let (tensor, first_span) = (self.tensor(first.node), first.span);
        if let [Joined { gate: Gate::Always, node, .. }] = operands.as_slice() {
            return Some(Value::Tensor(*node));
        }
        for operand in &operands {
            if self.tensor(operand.node) != tensor || tensor == TensorKind::Square {
                let (a, b) = (tensor.word(), self.tensor(operand.node).word());
                return self.fail(
                    Diagnostic::error(Code::Kind, "only dense tensors, or only sparse ones, are concatenated")
                        .label(operand.span, format!("a {b} tensor"))
                        .label(first_span, format!("a {a} tensor"))
                        .help("`flatten` makes a sparse tensor dense, `rows` a dense one sparse"),
                );
            }
        }
        if tensor == TensorKind::Sparse {
            let dims: Vec<AxisRef> = operands.iter().map(|o| self.graph[o.node].axes[1]).collect();
            for (dim, operand) in dims.iter().zip(&operands).skip(1) {
                if let Err(disproof) = self.prove_equal(dims[0].size, dim.size) {
                    self.disagree(disproof, ("embedding dimensions", Of::Numbers), first_span, operand.span);
                    return None;
                }
            }
        }
        self.joined(Concat.into(), &operands, "concat")
    }

    /// A primitive applied to operands that were shown to be what it demands.
    fn joined(&mut self, primitive: Primitive, operands: &[Joined], name: &str) -> Option<Value> {
        let nodes: Vec<NodeIndex> = operands.iter().map(|o| o.node).collect();
        let gates: Vec<Gate> = operands.iter().map(|o| o.gate).collect();
        let (applied, _) = self.apply(primitive, &nodes, &gates, &[])?;
        let edges: Vec<_> = gates.into_iter().zip(nodes).collect();
        Some(Value::Tensor(self.add(NodeKind::Primitive(primitive), applied.kind, applied.axes, &edges, name)))
    }

    /// `a + b` of tensors.
    pub fn sum(&mut self, left: (Value, Span), right: (Value, Span)) -> Option<Value> {
        let operands = self.operands(vec![left, right], "this sum")?;
        let nodes: Vec<_> = operands.iter().map(|o| (o.node, o.span)).collect();
        self.same_shape(&nodes, "the terms of this sum")?;
        self.joined(Add.into(), &operands, "sum")
    }

    /// `a - b` or `a * b` of tensors, called `name` on paths.
    pub fn combine(
        &mut self,
        (primitive, name): (Primitive, &str),
        left: (Value, Span),
        right: (Value, Span),
    ) -> Option<Value> {
        let (a, b) = (self.expect_tensor(left.0, left.1)?, self.expect_tensor(right.0, right.1)?);
        self.same_shape(&[(a, left.1), (b, right.1)], "the two sides")?;
        let always = |node, span| Joined { gate: Gate::Always, node, span };
        self.joined(primitive, &[always(a, left.1), always(b, right.1)], name)
    }

    /// A primitive without parameters of one tensor.
    pub fn applied_to(&mut self, primitive: Primitive, node: NodeIndex, span: Span) -> Option<Value> {
        self.joined(primitive, &[Joined { gate: Gate::Always, node, span }], primitive.name())
    }

    pub fn pick(&mut self, scope: &mut Scope, count: &Expr, from: &Expr, span: Span) -> Option<Value> {
        let (lo, hi) = self.how_many(scope, count, (0, 1))?;
        let sources = match self.eval(scope, from)? {
            Value::Sources(sources) => sources,
            Value::List(items) => {
                let mut sources = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    if let Value::Sources(more) = item {
                        sources.extend(more.iter().cloned());
                        continue;
                    }
                    let node = self.expect_tensor(item.clone(), from.span)?;
                    // What is written names the source, if an architecture can write it: once, and without words that
                    // need a blank between them. Else its position does.
                    let label = match &from.kind {
                        ExprKind::List(written) => self.program.sources.text(written[i].span).replace(' ', ""),
                        _ => String::new(),
                    };
                    let taken = sources.iter().any(|source: &Source| source.label == label);
                    let label =
                        if label.is_empty() || label.contains('{') || taken { (i + 1).to_string() } else { label };
                    sources.push(Source { label, node });
                }
                Rc::new(sources)
            }
            other => {
                let what = self.describe(&other);
                return self.fail(
                    Diagnostic::error(Code::Kind, "a pick takes from a list of tensors")
                        .label(from.span, format!("this is {what}"))
                        .help("such as `earlier.dense` in a block, or `[a, b, c]`"),
                );
            }
        };
        if sources.is_empty() && lo == 0 {
            let message = "there is nothing to pick from";
            return self.fail(Diagnostic::error(Code::Pick, message).label(from.span, "no sources"));
        }
        if sources.len() < lo {
            let plural = if sources.len() == 1 { "" } else { "s" };
            let message = format!("{lo} are to be picked from {} source{plural}", sources.len());
            let names: Vec<&str> = sources.iter().map(|source| source.label.as_str()).collect();
            let label = format!("for `{}` there is only {}", self.path.join("."), names.join(", "));
            return self.fail(Diagnostic::error(Code::Pick, message).label(span, label));
        }
        if sources.len() > MAX_SOURCES {
            let message = format!("a pick from {} sources; at most {MAX_SOURCES} are possible", sources.len());
            return self.fail(Diagnostic::error(Code::TooLarge, message).label(from.span, "too many"));
        }
        let first = self.tensor(sources[0].node);
        if let Some(other) = sources.iter().find(|s| self.tensor(s.node) != first) {
            let (a, b) = (first.word(), self.tensor(other.node).word());
            let message = format!("these sources are of different kinds: {a} and {b}");
            return self.fail(Diagnostic::error(Code::Kind, message).label(from.span, "to pick from"));
        }
        let hi = hi.min(sources.len());
        let labels = sources.iter().map(|s| s.label.clone()).collect();
        let choice = self.choice(Offer::pick(lo, hi, labels), None, span)?;
        // `1..4` clipped to one source is still joined by `concat`.
        if (lo, hi) != (1, 1) || matches!(count.kind, ExprKind::Range { .. }) {
            return Some(Value::Picked { choice, lo, sources });
        }
        let along: Vec<AxisRef> = sources.iter().map(|s| self.graph[s.node].axes[0]).collect();
        let gates = along.iter().enumerate().map(|(i, axis)| (Gate::Taken(choice, i as u32), axis.layout)).collect();
        let size = self.ex.atom(Size::OneOf(choice, along.iter().map(|axis| axis.size).collect()));
        let layout = self.ex.intern_layout(LayoutExpr::Joined(gates));
        let mut axes: SmallVec<[AxisRef; 2]> = [AxisRef { size, layout }].into_iter().collect();
        if first == TensorKind::Sparse {
            let dims: Vec<AxisRef> = sources.iter().map(|s| self.graph[s.node].axes[1]).collect();
            let size = self.ex.atom(Size::OneOf(choice, dims.iter().map(|axis| axis.size).collect()));
            axes.push(self.ex.shared_axis(size, &dims));
        }
        let edges: Vec<_> = sources.iter().map(|s| (Gate::Always, s.node)).collect();
        Some(Value::Tensor(self.add(NodeKind::Pick(choice), first, axes, &edges, "pick")))
    }

    pub fn maybe(&mut self, scope: &mut Scope, operand: &Expr, span: Span) -> Option<Value> {
        let choice = self.choice(Offer::maybe(), None, span)?;
        self.parents.push((choice, 1 << 1));
        let value = self.eval(scope, operand);
        self.parents.pop();
        let node = self.expect_tensor(value?, operand.span)?;
        Some(Value::Optional { choice, node })
    }

    pub fn choose(
        &mut self,
        scope: &mut Scope,
        count: Option<&Expr>,
        alternatives: &[Alternative],
        span: Span,
    ) -> Option<Value> {
        if alternatives.is_empty() {
            return self
                .fail(Diagnostic::error(Code::Arguments, "`choose` from nothing").label(span, "no alternatives"));
        }
        if alternatives.len() > MAX_SOURCES {
            let message = format!("{} alternatives; at most {MAX_SOURCES} are possible", alternatives.len());
            return self.fail(Diagnostic::error(Code::TooLarge, message).label(span, "too many"));
        }
        let mut labels: Vec<String> = Vec::new();
        for alternative in alternatives {
            let label = match (&alternative.label, &alternative.value.kind) {
                (Some(label), _) => label.text.clone(),
                (None, ExprKind::Call { callee, .. }) => callee.text.clone(),
                (None, ExprKind::Name(name)) => name.clone(),
                _ => {
                    return self.fail(
                        Diagnostic::error(Code::Unlabelled, "nothing names this alternative")
                            .label(alternative.value.span, "neither a call nor a name")
                            .help("give it a label: `name: …`"),
                    );
                }
            };
            if labels.contains(&label) {
                return self.fail(
                    Diagnostic::error(Code::Unlabelled, format!("two alternatives are called `{label}`"))
                        .label(alternative.value.span, "the second one")
                        .help("give each a label: `name: …`"),
                );
            }
            labels.push(label);
        }
        let (lo, hi) = match count {
            None => (1, 1),
            Some(count) => self.how_many(scope, count, (1, 1))?,
        };
        if hi > labels.len() {
            let message = format!("{hi} are to be chosen from {} alternatives", labels.len());
            let at = count.map_or(span, |count| count.span);
            return self.fail(Diagnostic::error(Code::Pick, message).label(at, "more than there are"));
        }
        let choice = self.choice(Offer::choose(lo, hi, labels.clone()), None, span)?;
        let mut nodes = Vec::new();
        for (index, (alternative, label)) in alternatives.iter().zip(&labels).enumerate() {
            self.path.push(label.clone());
            self.parents.push((choice, 1 << index));
            self.named_by_label = true;
            let value = self.eval(scope, &alternative.value);
            self.named_by_label = false;
            self.parents.pop();
            self.path.pop();
            if let Some(node) = value.and_then(|value| self.expect_tensor(value, alternative.value.span)) {
                nodes.push((node, alternative.value.span));
            }
        }
        if nodes.len() < alternatives.len() {
            return None;
        }
        if hi > 1 {
            // Several are added up, so their shapes must agree whatever else is chosen.
            self.same_shape(&nodes, "the alternatives, which are added up,")?;
        }
        self.one_of(choice, &nodes, "the alternatives")
    }

    /// The node that takes what `choice` says of these, in order.
    pub fn one_of(&mut self, choice: ChoiceId, nodes: &[(NodeIndex, Span)], what: &str) -> Option<Value> {
        let (first, first_span) = nodes[0];
        if let Some(&(node, span)) = nodes.iter().find(|(node, _)| self.tensor(*node) != self.tensor(first)) {
            let (a, b) = (self.tensor(first).word(), self.tensor(node).word());
            return self.fail(
                Diagnostic::error(Code::Kind, format!("{what} are of different kinds"))
                    .label(span, format!("a {b} tensor"))
                    .label(first_span, format!("a {a} tensor")),
            );
        }
        let rank = self.graph[first].axes.len();
        let mut axes: SmallVec<[AxisRef; 2]> = SmallVec::new();
        for i in 0..rank {
            let all: Vec<AxisRef> = nodes.iter().map(|&(node, _)| self.graph[node].axes[i]).collect();
            // Where all agree, the size does not depend on this choice, whatever its form.
            let agree = all.iter().skip(1).all(|axis| self.prove_equal(all[0].size, axis.size).is_ok());
            let size = if agree {
                all[0].size
            } else {
                self.ex.atom(Size::OneOf(choice, all.iter().map(|axis| axis.size).collect()))
            };
            axes.push(self.ex.shared_axis(size, &all));
        }
        let edges: Vec<_> = nodes.iter().map(|&(node, _)| (Gate::Always, node)).collect();
        Some(Value::Tensor(self.add(NodeKind::Choose(choice), self.tensor(first), axes, &edges, "choose")))
    }

    /// How many are taken: a number or a range of fixed whole numbers, the smaller at least `least`, and the larger `most`.
    pub fn how_many(
        &mut self,
        scope: &mut Scope,
        count: &Expr,
        (least, most): (usize, usize),
    ) -> Option<(usize, usize)> {
        let (lo, hi) = match self.eval(scope, count)? {
            Value::Size(size) => (self.ex.as_constant(size), self.ex.as_constant(size)),
            Value::Range { lo, hi, step: None } => (self.ex.as_constant(lo), self.ex.as_constant(hi)),
            _ => (None, None),
        };
        let (Some(lo), Some(hi)) = (lo, hi) else {
            // What an operator is called with decides.
            if self.generic {
                return Some((1, 1));
            }
            return self.fail(
                Diagnostic::error(Code::NotConstant, "how many must be fixed")
                    .label(count.span, "expected a number or a range, such as `1..4`"),
            );
        };
        let whole = lo.fract() == 0.0 && hi.fract() == 0.0;
        if !whole || lo < least as f64 || hi < lo || hi < most as f64 {
            let larger = if most > least { format!(", and the larger of at least {most}") } else { String::new() };
            let expected = format!("expected whole numbers of at least {least}, the smaller one first{larger}");
            return self.fail(
                Diagnostic::error(Code::Pick, "this is not a number of things to take").label(count.span, expected),
            );
        }
        Some((lo as usize, hi as usize))
    }

    pub fn branch(&mut self, scope: &mut Scope, condition: &Expr, then: &Body, otherwise: &Body) -> Option<Value> {
        let value = self.eval(scope, condition)?;
        let Value::Truth(cond) = value else {
            let what = self.describe(&value);
            return self.fail(
                Diagnostic::error(Code::Kind, "`if` needs a condition")
                    .label(condition.span, format!("this is {what}")),
            );
        };
        let taken = match *self.ex.cond(cond) {
            Cond::Known(taken) => Some(taken),
            _ => None,
        };
        if self.calls.is_empty() {
            let not = self.ex.not(cond);
            self.forks.push(Fork {
                span: condition.span,
                cond: taken.is_none().then(|| (cond, not, self.facts[self.required.len()..].to_vec())),
                skipped: taken.map(|taken| if taken { extent(otherwise) } else { extent(then) }),
            });
        }
        match taken {
            Some(true) => return self.body(scope, then),
            Some(false) => return self.body(scope, otherwise),
            None => {}
        }
        self.facts.push(cond);
        let left = self.body(scope, then);
        self.facts.pop();
        let not = self.ex.not(cond);
        self.facts.push(not);
        let right = self.body(scope, otherwise);
        self.facts.pop();
        match (left?, right?) {
            (Value::Size(a), Value::Size(b)) => Some(Value::Size(self.ex.branch(cond, a, b))),
            (left, right) => {
                let a = self.expect_tensor(left, then.value.span)?;
                let b = self.expect_tensor(right, otherwise.value.span)?;
                if a == b {
                    return Some(Value::Tensor(a));
                }
                if self.tensor(a) != self.tensor(b) {
                    let (x, y) = (self.tensor(a).word(), self.tensor(b).word());
                    return self.fail(
                        Diagnostic::error(Code::Kind, "the branches of this `if` are of different kinds")
                            .label(then.value.span, format!("a {x} tensor"))
                            .label(otherwise.value.span, format!("a {y} tensor")),
                    );
                }
                let (left, right) = (self.axes(a), self.axes(b));
                let axes = left.iter().zip(&right).map(|(l, r)| {
                    let size = self.ex.branch(cond, l.size, r.size);
                    self.ex.shared_axis(size, &[*l, *r])
                });
                let axes: SmallVec<[AxisRef; 2]> = axes.collect();
                let edges = [(Gate::Always, a), (Gate::Always, b)];
                Some(Value::Tensor(self.add(NodeKind::Branch(cond), self.tensor(a), axes, &edges, "if")))
            }
        }
    }

    pub fn body(&mut self, scope: &mut Scope, body: &Body) -> Option<Value> {
        scope.enter();
        for binding in &body.bindings {
            self.statement(scope, binding);
        }
        let value = self.eval(scope, &body.value);
        scope.leave();
        value
    }
}
