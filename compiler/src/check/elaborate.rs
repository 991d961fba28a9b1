//! Writes a space out: every block instance, every operator at its call, as one graph.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use petgraph::graph::{DiGraph, NodeIndex};
use smallvec::SmallVec;

use super::Overrides;
use super::blame::blame;
use super::conflicts::conflict;
use super::program::{Item, ItemKind, Program};
use super::recorder::Recorder;
use super::scope::{Pending, Scope};
use super::values::{Binding, Part, Value};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{
    AxisRef, CheckedSpace, Choice, ChoiceId, CondId, Expressions, Gate, Input, Memo, NodeKind, Offer, Operand,
    ParamTemplate, SizeId, SpaceNode, TensorKind,
};
use crate::plan::Place;
use crate::syntax::MAX_FINDINGS;
use crate::syntax::tree::{Arg, Demand, Name};

/// Largest graph of a space.
const MAX_NODES: usize = 100_000;
/// Most expressions that one space evaluates, with every operator written out at every call.
const MAX_STEPS: usize = 1_000_000;
/// Most expressions that all items of one file evaluate while it is checked, and how many are counted at once.
const MAX_FILE_STEPS: usize = 10_000_000;
const METERED: usize = 64;
/// What a node of a graph counts for: it is bound, proved and looked at again.
const STEPS_OF_A_NODE: usize = 32;
/// A long file may take more: so many for each of its bytes.
const STEPS_OF_A_BYTE: usize = 20;
/// Most terms of all sums of sizes of one space.
const MAX_TERMS: usize = 4_000_000;
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

/// An `if` of a space itself, in one of its block instances.
pub(crate) struct Fork {
    /// Its condition.
    pub span: Span,
    /// The condition and its negation, and what is known around it; `None` where it depends on no choice.
    pub cond: Option<(CondId, CondId, Vec<CondId>)>,
    /// The branch that was not written out.
    pub skipped: Option<Span>,
}

pub(super) struct Elaborator<'p> {
    pub program: &'p Program,
    pub ex: Expressions,
    pub graph: DiGraph<SpaceNode, Operand>,
    pub choices: Vec<Choice>,
    /// Each block's instances by number.
    pub families: Vec<Vec<(i64, Value)>>,
    pub blocks: Vec<(String, Vec<(String, NodeIndex)>)>,
    /// What constants are, each evaluated once: under this meaning of `normalise`, which they see.
    pub constants: HashMap<(Span, CondId), Option<Value>>,
    /// What the space is called.
    pub title: String,
    /// The inputs of the space, by [`InputId`](crate::ir::InputId).
    pub inputs: Vec<Input>,
    /// Where the statements of the space define names.
    pub statements: HashMap<String, Span>,
    pub diagnostics: Vec<Diagnostic>,
    /// How often something failed, whether or not that was news.
    pub failures: usize,
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
    pub choice_ids: HashMap<String, ChoiceId>,
    /// What leaves a width open for each column: its name, and where it is written.
    pub column_widths: HashMap<String, Span>,
    reported: HashSet<(Code, Option<Span>)>,
    /// Names around the expression at hand: block instance, `let`, alternative, callee.
    pub path: Vec<String>,
    /// Which of them are iterations of a `repeat`.
    pub turns: Vec<usize>,
    /// What kind of statement it is in.
    pub part: Part,
    pub taken_paths: HashSet<String>,
    pub block: Option<String>,
    pub normalise: CondId,
    /// What is known to hold where the expression at hand is evaluated: what the space requires of columns, then the conditions around it.
    pub facts: Vec<CondId>,
    /// Where the first of them are required.
    pub required: Vec<Span>,
    /// What the space requires cannot be, and that was told.
    pub is_refuted: bool,
    pub parents: Vec<(ChoiceId, u64)>,
    /// A shared call is written out: where it is used.
    pub sharing: Option<Span>,
    /// Parameters of shared calls: where each was met first, and in which form.
    pub shared_params: HashMap<String, (Span, Vec<AxisRef>)>,
    /// What shared calls gave, by definition and arguments.
    pub shared_results: HashMap<(Vec<String>, Vec<String>), NodeIndex>,
    /// A choice may be missing because something around it has a mistake.
    pub incomplete: bool,
    /// What was required of architectures, to be settled when all choices are known.
    pub demands: Vec<Pending>,
    /// The `if`s of the space itself, for lints.
    pub forks: Vec<Fork>,
    /// The operators being written out: where each is defined and called.
    pub calls: Vec<(Span, Span)>,
    /// Which of them are spaces.
    pub called_spaces: Vec<Span>,
    /// The alternative's label already names the call that it consists of.
    pub named_by_label: bool,
    /// An operator is checked on its own: nothing is known about its arguments.
    pub generic: bool,
    /// What an editor wants to know of the names that are bound.
    pub recorder: Option<Rc<RefCell<Recorder>>>,
}

impl Program {
    /// The steps that all items of the entry file may take.
    pub(super) fn steps(&self) -> usize {
        let bytes = self.entry().map_or(0, |entry| self.sources.file(entry).text.len());
        MAX_FILE_STEPS.max(STEPS_OF_A_BYTE * bytes)
    }
}

impl<'p> Elaborator<'p> {
    /// A sound space with its `if`s.
    pub fn observed(
        program: &'p Program,
        item: &Item,
        args: &[Arg],
        demands: &[Demand],
    ) -> Option<(CheckedSpace, Vec<Fork>)> {
        let mut elaborator = Elaborator::new(program);
        elaborator.demands.extend(demands.iter().map(Pending::of_search));
        let space = elaborator.space(item, args, &Overrides::new())?;
        (elaborator.failures == 0).then_some((space, elaborator.forks))
    }
}

/// Writes out the space `item` with these arguments; a mistake that is an argument's is told at that.
pub(super) fn elaborate(
    program: &Program,
    item: &Item,
    args: &[Arg],
    overrides: &Overrides,
    demands: &[Demand],
) -> (Option<CheckedSpace>, Vec<Diagnostic>) {
    let (checked, mut found) = written_out(program, item, args, overrides, demands);
    blame(program, item, (args, overrides), demands, &mut found);
    (checked, found)
}

/// The same, with each mistake where it is found.
pub(super) fn written_out(
    program: &Program,
    item: &Item,
    args: &[Arg],
    overrides: &Overrides,
    demands: &[Demand],
) -> (Option<CheckedSpace>, Vec<Diagnostic>) {
    let mut elaborator = Elaborator::new(program);
    for demand in demands {
        elaborator.demands.push(Pending::of_search(demand));
    }
    let checked = elaborator.space(item, args, overrides).filter(|_| elaborator.failures == 0);
    if let Some(conflict) = checked.as_ref().and_then(|space| conflict(space, None)) {
        return (None, vec![conflict]);
    }
    (checked, elaborator.diagnostics)
}

impl<'p> Elaborator<'p> {
    pub fn new(program: &'p Program) -> Self {
        // What every item costs, however little is in it.
        program.meter.take(METERED);
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
            constants: HashMap::new(),
            title: String::new(),
            inputs: Vec::new(),
            statements: HashMap::new(),
            failures: 0,
            depth: 0,
            steps: 0,
            positive: HashSet::new(),
            proof_budget: PROOF_BUDGET,
            exhausted: false,
            memo: Memo::default(),
            choice_ids: HashMap::new(),
            column_widths: HashMap::new(),
            reported: HashSet::new(),
            path: Vec::new(),
            turns: Vec::new(),
            part: Part::Other,
            taken_paths: HashSet::new(),
            block: None,
            normalise,
            facts: Vec::new(),
            required: Vec::new(),
            is_refuted: false,
            parents: Vec::new(),
            sharing: None,
            shared_params: HashMap::new(),
            shared_results: HashMap::new(),
            incomplete: false,
            demands: Vec::new(),
            forks: Vec::new(),
            calls: Vec::new(),
            called_spaces: Vec::new(),
            named_by_label: false,
            generic: false,
            recorder: None,
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
            && let Some(&(defined, call)) = self.calls.first()
            // A constant that is checked on its own is called by nobody.
            && call != defined
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
        if self.steps.is_multiple_of(METERED) {
            self.program.meter.take(METERED);
        }
        let share = if self.generic { SHARE_OF_AN_OPERATOR } else { 1 };
        let (max_nodes, max_steps) = (MAX_NODES / share, MAX_STEPS / share);
        let (steps, nodes) = (self.steps > max_steps, self.graph.node_count() > max_nodes);
        let (terms, file) = (self.ex.term_count() > MAX_TERMS, self.program.meter.is_spent());
        if steps || nodes || terms || file || self.depth > MAX_DEPTH {
            let message = if nodes {
                format!("this needs more than {max_nodes} graph nodes")
            } else if steps {
                format!("this takes more than {max_steps} steps to write out")
            } else if terms {
                format!("the sums of this have more than {MAX_TERMS} terms together")
            } else if file {
                format!("all of this file takes more than {} steps to write out", self.program.steps())
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
        let place = self.place(name).into();
        let (params, path) = (SmallVec::new(), path.into());
        let node = SpaceNode { kind, tensor, axes, params, reads: None, column: None, widths: None, path, place };
        let node = self.graph.add_node(node);
        self.program.meter.take(STEPS_OF_A_NODE);
        for (port, &(gate, source)) in operands.iter().enumerate() {
            self.graph.add_edge(source, node, Operand { port: port as u32, gate });
        }
        node
    }

    /// Where a node of this name would stand.
    fn place(&self, name: &str) -> Place {
        // A statement goes by one name; the parts of a stem have names of their own.
        let named = usize::from(self.block.is_some()) + if self.part == Part::Stem { 2 } else { 1 };
        let mut called = self.path.iter().enumerate().skip(named).filter(|(at, _)| !self.turns.contains(at));
        let operator = called.next().map_or(name, |(_, name)| name);
        let block = self.block.as_deref().map(Arc::from);
        Place { block, operator: operator.into(), head: self.part == Part::Logit }
    }

    pub fn params(&mut self, node: NodeIndex, params: Vec<ParamTemplate>) -> Option<()> {
        for param in &params {
            self.one_shape(&param.name, &param.axes)?;
        }
        self.graph[node].params.extend(params);
        Some(())
    }

    pub fn choice_named(&self, name: &str) -> Option<ChoiceId> {
        self.choice_ids.get(name).copied()
    }

    /// A new choice, named by the names around it.
    pub fn choice(&mut self, offer: Offer, own: Option<&str>, span: Span) -> Option<ChoiceId> {
        let mut parts = self.path.clone();
        parts.extend(own.map(str::to_owned));
        let name = parts.join(".");
        if name.is_empty() || self.block.as_ref().is_some_and(|block| *block == name) {
            let message = "nothing names this choice";
            return self
                .fail(Diagnostic::error(Code::Unlabelled, message).label(span, "a choice").help("bind it with `let`"));
        }
        if let Some(&known) = self.choice_ids.get(&name) {
            let other = self.choices[known.index()].span;
            // A shared call makes its choices once.
            if self.sharing.is_some() && other == span {
                if self.choices[known.index()].offer == offer {
                    return Some(known);
                }
                let at = self.sharing.unwrap_or(span);
                return self.fail(
                    Diagnostic::error(Code::Kind, format!("the shared choice `{name}` is not the same in every use"))
                        .label(at, "it has other alternatives here")
                        .label(span, "this choice"),
                );
            }
            let diagnostic = Diagnostic::error(Code::Unlabelled, format!("two choices would be called `{name}`"))
                .label(span, "this one")
                .label(other, "and this one")
                .help("bind each choice with a `let` of its own");
            return self.fail(diagnostic);
        }
        let parent = self.parents.last().copied();
        let id = ChoiceId(self.choices.len() as u32);
        self.choice_ids.insert(name.clone(), id);
        let block = self.block.clone();
        self.choices.push(Choice { name, block, offer, parent, span, is_joined_whole: true });
        Some(id)
    }

    pub fn bind(&mut self, scope: &mut Scope, name: &Name, value: Value) {
        self.record(name, &value);
        if let Some(first) = scope.innermost(&name.text) {
            let first = first.span;
            self.report(
                Diagnostic::error(Code::Duplicate, format!("`{}` is defined twice", name.text))
                    .label(name.span, "again here")
                    .label(first, "first here"),
            );
            return;
        }
        scope.set(&name.text, Binding { value, span: name.span });
    }

    /// Binds a name whose definition has a mistake, so that its uses say nothing more.
    pub fn spoil(&mut self, scope: &mut Scope, name: &Name) {
        if scope.innermost(&name.text).is_none() {
            scope.set(&name.text, Binding { value: Value::Spoilt, span: name.span });
        }
    }

    pub fn constant_size(&self, size: SizeId) -> Option<f64> {
        self.ex.as_constant(size)
    }
}

impl Program {
    /// Checks one item of the entry file; `constants` knows those before it.
    pub(super) fn check_item<'p>(&'p self, item: &Item, constants: &mut Elaborator<'p>) -> Vec<Diagnostic> {
        match item.kind {
            ItemKind::Const => {
                let _checked = constants.constant_item(item, item.span);
                std::mem::take(&mut constants.diagnostics)
            }
            ItemKind::Op => Elaborator::new(self).check_op(item),
            ItemKind::Space => elaborate(self, item, &[], &Overrides::new(), &[]).1,
            // What its parameters are is known where it is used.
            ItemKind::Pattern => Vec::new(),
            ItemKind::Test => self.test(item).err().unwrap_or_default(),
            ItemKind::Schema => self.schema(item).err().unwrap_or_default(),
            ItemKind::Search | ItemKind::Train => self.search(item, &[]).err().unwrap_or_default(),
            ItemKind::Arch => self.arch(item).err().unwrap_or_default(),
        }
    }

    /// A space with its default parameters.
    ///
    /// # Errors
    /// The findings, where there are errors among them.
    pub fn check_space(&self, item: &Item) -> Result<CheckedSpace, Vec<Diagnostic>> {
        let (space, diagnostics) = elaborate(self, item, &[], &Overrides::new(), &[]);
        space.ok_or(diagnostics)
    }
}
