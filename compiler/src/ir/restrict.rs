//! What is left of a condition when a choice has been made.

use std::collections::HashMap;

use super::choices::{Choice, ChoiceId, SchemaSizes};
use super::offers::Made;
use super::sizes::{Cond, CondId, Expressions, Size, SizeId, Widths};

/// What is known while a condition is restricted.
#[derive(Clone, Copy)]
pub(crate) enum Given {
    /// What this choice takes.
    Made(ChoiceId, Made),
    Schema(SchemaSizes),
}

/// Results of one restriction.
#[derive(Default)]
struct Done {
    sizes: HashMap<SizeId, SizeId>,
    conds: HashMap<CondId, CondId>,
}

impl Expressions {
    /// The condition with what is given put in, in normal form.
    pub(crate) fn restrict(&mut self, cond: CondId, choices: &[Choice], given: Given) -> CondId {
        self.restrict_cond(cond, choices, given, &mut Done::default())
    }

    /// How many operands restrictions have looked at so far.
    pub(crate) fn restricted(&self) -> usize {
        self.restricted
    }

    fn restrict_cond(&mut self, id: CondId, choices: &[Choice], given: Given, done: &mut Done) -> CondId {
        if let Some(&known) = done.conds.get(&id) {
            return known;
        }
        self.restricted += 1;
        let result = match *self.cond(id) {
            Cond::Known(_) | Cond::Opaque(_) => id,
            Cond::Compare(relation, a, b) => {
                let a = self.restrict_size(a, choices, given, done);
                let b = self.restrict_size(b, choices, given, done);
                self.compare(relation, a, b)
            }
            Cond::Not(a) => {
                let a = self.restrict_cond(a, choices, given, done);
                self.not(a)
            }
            Cond::And(a, b) | Cond::Or(a, b) => {
                let all = matches!(self.cond(id), Cond::And(..));
                let a = self.restrict_cond(a, choices, given, done);
                if *self.cond(a) == Cond::Known(!all) {
                    a
                } else {
                    let b = self.restrict_cond(b, choices, given, done);
                    if all { self.and(a, b) } else { self.or(a, b) }
                }
            }
        };
        done.conds.insert(id, result);
        result
    }

    fn restrict_size(&mut self, id: SizeId, choices: &[Choice], given: Given, done: &mut Done) -> SizeId {
        if let Some(&known) = done.sizes.get(&id) {
            return known;
        }
        let size = self.size(id).clone();
        size.for_each_operand(|_| self.restricted += 1, |_| {});
        let mut below = |this: &mut Self, size: SizeId| this.restrict_size(size, choices, given, done);
        let result = match (size, given) {
            (Size::Numeric, Given::Schema(schema)) => self.constant(schema.numeric as f64),
            (Size::Fields, Given::Schema(schema)) => self.constant(schema.fields as f64),
            (Size::Columns(input), Given::Schema(schema)) => self.constant(schema.of(input) as f64),
            (Size::Width(choice), Given::Made(made_of, made)) if choice == made_of => {
                self.constant(choices.width(choice, made.first()) as f64)
            }
            (Size::OneOf(choice, all), Given::Made(made_of, made)) if choice == made_of => {
                below(self, all[made.first().min(all.len() - 1)])
            }
            (Size::Picked(choice, all), Given::Made(made_of, made)) if choice == made_of => {
                let taken: Vec<SizeId> = all
                    .iter()
                    .enumerate()
                    .filter(|&(at, _)| made.has(at))
                    .map(|(_, &size)| below(self, size))
                    .collect();
                self.sum(&taken)
            }
            (Size::When(choice, a), Given::Made(made_of, made)) if choice == made_of => {
                if made.has(1) {
                    below(self, a)
                } else {
                    self.constant(0.0)
                }
            }
            (Size::Numeric | Size::Fields | Size::Columns(_) | Size::Opaque(_) | Size::Width(_) | Size::Cost(_), _) => {
                id
            }
            (Size::Linear { constant, terms }, _) => {
                let parts: Vec<(SizeId, f64)> =
                    terms.into_iter().map(|(term, coefficient)| (below(self, term), coefficient.get())).collect();
                self.combined(constant.get(), parts.into_iter())
            }
            (Size::Product(a, b), _) => {
                let (a, b) = (below(self, a), below(self, b));
                self.product(a, b)
            }
            (Size::Quotient(a, b), _) => {
                let (a, b) = (below(self, a), below(self, b));
                self.quotient(a, b)
            }
            (Size::Root(a), _) => {
                let a = below(self, a);
                self.root(a)
            }
            (Size::Round(a), _) => {
                let a = below(self, a);
                self.round(a)
            }
            (Size::Max(a, b), _) => {
                let (a, b) = (below(self, a), below(self, b));
                self.max(a, b)
            }
            (Size::Min(a, b), _) => {
                let (a, b) = (below(self, a), below(self, b));
                self.min(a, b)
            }
            (Size::If(cond, a, b), _) => {
                let cond = self.restrict_cond(cond, choices, given, done);
                match *self.cond(cond) {
                    Cond::Known(true) => self.restrict_size(a, choices, given, done),
                    Cond::Known(false) => self.restrict_size(b, choices, given, done),
                    _ => {
                        let a = self.restrict_size(a, choices, given, done);
                        let b = self.restrict_size(b, choices, given, done);
                        self.branch(cond, a, b)
                    }
                }
            }
            (Size::OneOf(choice, all), _) => {
                let all = all.into_iter().map(|size| below(self, size)).collect();
                self.atom(Size::OneOf(choice, all))
            }
            (Size::Picked(choice, all), _) => {
                let all = all.into_iter().map(|size| below(self, size)).collect();
                self.atom(Size::Picked(choice, all))
            }
            (Size::When(choice, a), _) => {
                let a = below(self, a);
                self.atom(Size::When(choice, a))
            }
        };
        done.sizes.insert(id, result);
        result
    }
}
