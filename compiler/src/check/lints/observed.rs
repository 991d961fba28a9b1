//! A space as it was written out, with what lints want to know of that.

use std::collections::{HashMap, HashSet};

use super::walk;
use crate::check::elaborate::{Elaborator, Fork};
use crate::check::program::{Item, ItemKind, Program};
use crate::diagnostics::Span;
use crate::ir::CheckedSpace;
use crate::space::Verdict;
use crate::syntax::tree::{Alternative, Demand, Expr, ExprKind, SpaceItem, Statement};

/// A space with its default parameters, or as a search asks for it.
pub(super) struct Observed<'p> {
    pub program: &'p Program,
    pub tree: &'p SpaceItem,
    pub space: CheckedSpace,
    pub forks: Vec<Fork>,
    /// Names that depend on parameters of the space: with others all may be different.
    parametric: HashSet<&'p str>,
    /// What is judged.
    asked: HashMap<Span, (&'p Expr, &'p Demand)>,
    /// The words that the branches say which these parameters leave out.
    skipped: HashSet<&'p str>,
    /// Whether they can be satisfied.
    pub verdict: Verdict,
}

impl<'p> Observed<'p> {
    pub fn of_space(program: &'p Program, item: &Item) -> Option<Self> {
        let tree = program.space_item(item);
        let mut demands = Vec::new();
        required(&tree.body, &mut demands);
        Self::written_out(program, item, &[], &[], demands)
    }

    /// The space of a search, for what the search asks of it.
    pub fn of_search(program: &'p Program, item: &Item) -> Option<Self> {
        let search = program.search_item(item);
        let (over, _) = search.over.as_ref()?;
        if search.demands.is_empty() {
            return None;
        }
        let space = program.resolve(&over.name, ItemKind::Space).ok()?;
        let demands = search.demands.iter().collect();
        let mut observed = Self::written_out(program, space, &over.args, &search.demands, demands)?;
        // Its parameters are given.
        observed.parametric.clear();
        Some(observed)
    }

    fn written_out(
        program: &'p Program,
        item: &Item,
        args: &[crate::syntax::tree::Arg],
        asked: &[Demand],
        demands: Vec<&'p Demand>,
    ) -> Option<Self> {
        let tree = program.space_item(item);
        let (space, forks) = Elaborator::observed(program, item, args, asked)?;
        let verdict = space.graph.verdict(None);
        // That is an error.
        if let Verdict::Conflict(_) = verdict {
            return None;
        }
        let conditions = demands.iter().flat_map(|&demand| demand.conditions.iter().map(move |all| (demand, all)));
        let asked = conditions.rev().map(|(demand, condition)| (condition.span, (condition, demand))).collect();
        let places: HashSet<Span> = forks.iter().filter_map(|fork| fork.skipped).collect();
        let skipped = places.iter().flat_map(|&span| words_of(program.sources.text(span))).collect();
        Some(Self { program, tree, space, forks, parametric: parametric(tree), asked, skipped, verdict })
    }

    /// The condition at a place, and the requirement that it is part of, if it is judged.
    pub fn asked(&self, span: Span) -> Option<(&'p Expr, &'p Demand)> {
        self.asked.get(&span).copied()
    }

    /// Whether an expression may mean something else with other parameters.
    pub fn is_parametric(&self, expr: &Expr) -> bool {
        walk::words(expr).iter().any(|word| self.parametric.contains(word))
    }

    /// Whether a branch that these parameters leave out says this word.
    pub fn is_said_elsewhere(&self, word: &str) -> bool {
        self.skipped.contains(word)
    }

    /// The `choose`s that stand in the space itself, and their alternatives.
    pub fn chooses(&self) -> Vec<(Span, &'p [Alternative])> {
        let mut found: Vec<(Span, &'p [Alternative])> = Vec::new();
        walk::statements(&self.tree.body, &mut |expr| {
            if let ExprKind::Choose { alternatives, .. } = &expr.kind {
                found.push((expr.span, alternatives));
            }
        });
        found
    }

    /// Where the choices of the space itself are written: not those of its operators, which others may use otherwise.
    pub fn places(&self) -> HashSet<Span> {
        let mut places = HashSet::new();
        walk::statements(&self.tree.body, &mut |expr| {
            places.insert(expr.span);
        });
        let mut widths = Vec::new();
        named_widths(&self.tree.body, &mut widths);
        walk::statements(&self.tree.body, &mut |expr| match &expr.kind {
            ExprKind::Body(body) | ExprKind::Repeat { body, .. } => named_widths(&body.bindings, &mut widths),
            ExprKind::If { then, otherwise, .. } => {
                named_widths(&then.bindings, &mut widths);
                named_widths(&otherwise.bindings, &mut widths);
            }
            _ => {}
        });
        places.extend(widths);
        places
    }
}

/// The words of a text.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

fn named_widths(statements: &[Statement], found: &mut Vec<Span>) {
    for statement in statements {
        match statement {
            Statement::Width { name, .. } => found.push(name.span),
            Statement::Block(block) => named_widths(&block.body, found),
            _ => {}
        }
    }
}

fn required<'a>(statements: &'a [Statement], found: &mut Vec<&'a Demand>) {
    for statement in statements {
        match statement {
            Statement::Demand(demand) => found.push(demand),
            Statement::Block(block) => required(&block.body, found),
            _ => {}
        }
    }
}

/// The names of a space that depend on its parameters, whatever their scope.
fn parametric(space: &SpaceItem) -> HashSet<&str> {
    let mut names: HashSet<&str> = space.params.iter().map(|(name, _)| name.text.as_str()).collect();
    names.insert("normalise");
    // A name can be defined by a later one only in another scope: twice around settles what there is.
    for _ in 0..2 {
        defined(&space.body, &mut names);
        walk::statements(&space.body, &mut |expr| match &expr.kind {
            ExprKind::Body(body) => defined(&body.bindings, &mut names),
            ExprKind::Repeat { count, from, name, body, .. } => {
                if [count, from].into_iter().any(|expr| depends(expr, &names)) {
                    names.insert(&name.text);
                }
                defined(&body.bindings, &mut names);
            }
            ExprKind::If { then, otherwise, .. } => {
                defined(&then.bindings, &mut names);
                defined(&otherwise.bindings, &mut names);
            }
            _ => {}
        });
    }
    names
}

fn depends(expr: &Expr, names: &HashSet<&str>) -> bool {
    walk::words(expr).iter().any(|word| names.contains(word))
}

fn defined<'a>(statements: &'a [Statement], names: &mut HashSet<&'a str>) {
    for statement in statements {
        match statement {
            Statement::Width { name, values: value }
            | Statement::Let { name, value }
            | Statement::Shared { name, value }
            | Statement::Out { name, value }
                if depends(value, names) =>
            {
                names.insert(&name.text);
            }
            Statement::Block(block) => {
                let given = block.of.iter().flat_map(|of| &of.args).any(|arg| depends(&arg.value, names));
                if depends(&block.range, names) || given {
                    names.insert(&block.name.text);
                    names.extend(block.number.iter().map(|number| number.text.as_str()));
                }
                for (part, value) in block.stem.iter().flat_map(|(_, parts)| parts) {
                    if depends(value, names) {
                        names.insert(&part.text);
                    }
                }
                defined(&block.body, names);
            }
            _ => {}
        }
    }
}
