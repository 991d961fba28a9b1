//! The largest form of every axis: how large each size can become over all assignments.

use super::choices::{Choice, SchemaSizes};
use super::layouts::{LayoutExpr, LayoutId};
use super::sizes::{Cond, Expressions, Relation, Size, SizeId};

/// How many `and`s deep an equality is looked for.
const NARROWING: u32 = 6;

/// Largest size of any axis.
pub const MAX_SIZE: usize = 1 << 24;

/// Smallest and largest value of each size, and the length of each layout's largest form, for one schema.
#[derive(Clone, Debug)]
pub struct Bounds {
    sizes: Vec<(f64, f64)>,
    layouts: Vec<usize>,
}

impl Bounds {
    pub fn new(expressions: &Expressions, choices: &[Choice], schema: SchemaSizes) -> Self {
        let mut bounds = Self { sizes: Vec::with_capacity(expressions.size_count()), layouts: Vec::new() };
        // Operands come before what is made of them, so one pass is enough.
        for id in 0..expressions.size_count() {
            let interval = bounds.interval(expressions, choices, schema, &expressions.sizes[id]);
            bounds.sizes.push(interval);
        }
        for layout in &expressions.layouts {
            let full = match layout {
                LayoutExpr::Prefix(size) => bounds.largest(*size),
                LayoutExpr::Joined(parts) => {
                    parts.iter().fold(0usize, |sum, &(_, part)| sum.saturating_add(bounds.full(part)))
                }
                LayoutExpr::Flattened(a, b) => bounds.full(*a).saturating_mul(bounds.full(*b)),
                LayoutExpr::Triangle(a) => bounds.full(*a).saturating_mul(bounds.full(*a).saturating_sub(1)) / 2,
                LayoutExpr::Repeated(a, times) => bounds.full(*a).saturating_mul(*times as usize),
            };
            bounds.layouts.push(full);
        }
        bounds
    }

    /// The largest value of a size.
    pub fn largest(&self, size: SizeId) -> usize {
        self.sizes[size.0 as usize].1.max(0.0) as usize
    }

    /// The smallest value of a size.
    pub fn smallest(&self, size: SizeId) -> f64 {
        self.sizes[size.0 as usize].0
    }

    /// The length of a layout's largest form.
    pub fn full(&self, layout: LayoutId) -> usize {
        self.layouts[layout.0 as usize]
    }

    fn interval(&self, ex: &Expressions, choices: &[Choice], schema: SchemaSizes, size: &Size) -> (f64, f64) {
        let of = |id: &SizeId| self.sizes[id.0 as usize];
        match size {
            Size::Numeric => (schema.numeric as f64, schema.numeric as f64),
            Size::Fields => (schema.fields as f64, schema.fields as f64),
            Size::Opaque(_) => (0.0, 0.0),
            Size::Cost(_) => (0.0, f64::INFINITY),
            Size::Width(choice) => {
                let (lo, hi) = choices[choice.index()].offer.ends().unwrap_or_default();
                (lo as f64, hi as f64)
            }
            Size::Linear { constant, terms } => {
                terms.iter().fold((constant.get(), constant.get()), |(lo, hi), (term, c)| {
                    let (a, b) = (of(term).0 * c.get(), of(term).1 * c.get());
                    (lo + a.min(b), hi + a.max(b))
                })
            }
            Size::Product(a, b) => corners(of(a), of(b), |x, y| x * y),
            Size::Quotient(a, b) => corners(of(a), of(b), |x, y| if y == 0.0 { x } else { x / y }),
            Size::Root(a) => (of(a).0.max(0.0).sqrt(), of(a).1.max(0.0).sqrt()),
            Size::Round(a) => (of(a).0.round(), of(a).1.round()),
            Size::Max(a, b) => (of(a).0.max(of(b).0), of(a).1.max(of(b).1)),
            Size::Min(a, b) => (of(a).0.min(of(b).0), of(a).1.min(of(b).1)),
            Size::If(cond, a, b) => {
                let then = self.narrowed(ex, *cond, *a, NARROWING);
                (then.0.min(of(b).0), then.1.max(of(b).1))
            }
            Size::OneOf(_, all) => all.iter().map(of).reduce(|x, y| (x.0.min(y.0), x.1.max(y.1))).unwrap_or((0.0, 0.0)),
            Size::Picked(choice, all) => {
                // A relaxed architecture takes every source (rule 10), so the largest form holds them all.
                let (lo, _) = choices[choice.index()].offer.takes().range();
                let mut least: Vec<f64> = all.iter().map(|s| of(s).0).collect();
                least.sort_by(f64::total_cmp);
                (least.iter().take(lo).sum(), all.iter().map(|s| of(s).1).sum())
            }
            Size::When(_, a) => (0.0_f64.min(of(a).0), of(a).1),
        }
    }

    /// The bounds of `size` where `cond` holds: an equality there bounds both of its sides by each other.
    fn narrowed(&self, ex: &Expressions, cond: super::CondId, size: SizeId, depth: u32) -> (f64, f64) {
        let (mut lo, mut hi) = self.sizes[size.0 as usize];
        match *ex.cond(cond) {
            Cond::Compare(Relation::Equal, p, q) if p == size || q == size => {
                let other = self.sizes[if p == size { q } else { p }.0 as usize];
                (lo, hi) = (lo.max(other.0), hi.min(other.1));
            }
            Cond::And(a, b) if depth > 0 => {
                let (left, right) = (self.narrowed(ex, a, size, depth - 1), self.narrowed(ex, b, size, depth - 1));
                (lo, hi) = (left.0.max(right.0), left.1.min(right.1));
            }
            _ => {}
        }
        (lo, hi)
    }
}

fn corners(a: (f64, f64), b: (f64, f64), f: impl Fn(f64, f64) -> f64) -> (f64, f64) {
    let all = [f(a.0, b.0), f(a.0, b.1), f(a.1, b.0), f(a.1, b.1)];
    (all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}
