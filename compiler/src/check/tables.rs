//! Tables for which sizes are compared: numbers of columns, as what is known of them leaves them.
//!
//! What no condition speaks of is tried with four of them. Where what is known, or the sizes themselves, compare numbers of columns, those are
//! tried too at which a comparison changes its answer, and of all only those of which holds what is known.

use std::collections::BTreeSet;

use super::elaborate::Elaborator;
use crate::ir::{Assignment, Break, Choice, CondId, Expressions, MAX_INPUTS, Memo, SchemaSizes, Size, SizeId, Word};

/// Tables for which sizes are compared where nothing is known of them; a polynomial identity that holds for all of them is taken to hold.
pub(super) const SCHEMAS: [SchemaSizes; 4] =
    [schema(13, 26, 2, 3), schema(1, 23, 1, 2), schema(3, 10, 5, 1), schema(17, 1, 1, 0)];

/// Most combinations of remainders that are tried.
const MAX_RESIDUES: usize = 4096;

/// Most numbers of columns that are looked at for one question, and the largest of them.
const MAX_LOOKS: usize = 20_000;
const MAX_COLUMNS: u64 = 65_535;

/// Most numbers that stand in a comparison which are tried for one input.
const MAX_NUMBERS: usize = 16;

/// How far around a number at which a comparison changes its answer others are tried: of two inputs different ones, too.
const AROUND: u64 = 3;

/// Where nothing that holds is found among the numbers that stand in comparisons, all up to this are tried.
const WIDE: u64 = 64;

/// One whose inputs have more columns one after the other: `first`, and so many more each.
const fn schema(numeric: usize, fields: usize, first: u16, more: u16) -> SchemaSizes {
    let mut columns = [first; MAX_INPUTS];
    let mut at = 1;
    while at < MAX_INPUTS {
        columns[at] = columns[at - 1] + more;
        at += 1;
    }
    SchemaSizes { numeric, fields, columns }
}

/// How many columns a table has of these.
fn count(schema: &SchemaSizes, of: &Size) -> u64 {
    match of {
        Size::Numeric => schema.numeric as u64,
        Size::Columns(input) => schema.of(*input) as u64,
        _ => schema.fields as u64,
    }
}

/// The table with so many of these.
fn with(mut schema: SchemaSizes, of: &Size, columns: u64) -> SchemaSizes {
    match of {
        Size::Numeric => schema.numeric = columns as usize,
        Size::Columns(input) => schema.columns[input.index()] = columns as u16,
        _ => schema.fields = columns as usize,
    }
    schema
}

/// What is asked of tables.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// So many of them, among which a difference shows.
    Several(usize),
    /// All remainders that numbers of columns leave when they are divided by this.
    Remainders(u64),
}

impl Elaborator<'_> {
    /// Tables that stand for all of which holds what is known, for what is asked about these sizes. None of them, where nothing is found of which
    /// it holds; `None` where too many would have to be tried.
    pub(super) fn tables(&mut self, sizes: &[SizeId], asked: Asked) -> Option<Vec<SchemaSizes>> {
        let about: Vec<CondId> = self.facts.iter().copied().filter(|&fact| self.ex.depends_on_schema(fact)).collect();
        let of_data: Vec<SizeId> = sizes.iter().copied().filter(|&size| self.ex.is_of_data(size)).collect();
        if of_data.is_empty() && about.is_empty() {
            return Some(SCHEMAS.to_vec());
        }
        let choices = &self.choices;
        let widths = |size: &Size| match size {
            Size::Width(choice) if choices[choice.index()].offer.word() == Word::Width => {
                choices[choice.index()].offer.numbers().to_vec()
            }
            _ => Vec::new(),
        };
        let breaks = self.ex.breaks(&of_data, &about, widths);
        if breaks.is_empty() && matches!(asked, Asked::Several(_)) {
            return Some(SCHEMAS.to_vec());
        }
        let facts = self.ex.conjuncts(&about);
        let facts: Vec<CondId> = facts.into_iter().filter(|&fact| self.ex.is_of_columns(fact)).collect();
        let (period, most) = match asked {
            Asked::Several(most) => (1, most),
            Asked::Remainders(period) => {
                let all = self.ex.divisors(&facts).into_iter().fold(period, |all, by| lcm(all, by as u64));
                (all, MAX_RESIDUES)
            }
        };
        let columns = self.ex.columns_of(&of_data, &about);
        let matters =
            |of: &Size| matches!(asked, Asked::Remainders(_)) || breaks.iter().any(|b| b.columns.contains(of));
        let (order, beside): (Vec<Size>, Vec<Size>) = columns.into_iter().partition(matters);
        let mut memo = std::mem::take(&mut self.memo);
        let budget = self.proof_budget;
        let mut found = Vec::new();
        let mut is_whole = true;
        // Numbers that follow from others are found where those come first.
        for (wide, backwards, least) in [(1, false, 1), (WIDE, true, 1), (WIDE, false, 0)] {
            let mut order = order.clone();
            if backwards {
                order.reverse();
            }
            let looks = (MAX_LOOKS as u64).min(self.proof_budget) as usize;
            let mut look = Look {
                ex: &self.ex,
                choices: &self.choices,
                facts: facts.iter().map(|&fact| (fact, self.ex.columns_of(&[], &[fact]))).collect(),
                breaks: &breaks,
                order,
                period,
                wide,
                least,
                looks,
                memo,
                found: Vec::new(),
            };
            look.from(0, if period > 1 { SchemaSizes::ONE } else { SCHEMAS[0] });
            self.proof_budget -= (looks - look.looks) as u64;
            is_whole = look.looks > 0;
            (found, memo) = (look.found, look.memo);
            if !found.is_empty() {
                break;
            }
        }
        self.memo = memo;
        // What was not looked at can be otherwise.
        let is_given_up = self.proof_budget == 0 && budget > 0;
        if is_given_up || matches!(asked, Asked::Remainders(_)) && (!is_whole || found.len() > most) {
            return None;
        }
        if !beside.is_empty() {
            let others = |of: SchemaSizes| SCHEMAS.iter().map(move |schema| (of, *schema)).collect::<Vec<_>>();
            let put = |(of, schema)| beside.iter().fold(of, |of, column| with(of, column, count(&schema, column)));
            found = found.into_iter().flat_map(others).map(put).collect();
        }
        Some(spread(found, most))
    }
}

/// So many of these: the last one, and of the others such as have nothing to do with each other.
fn spread(all: Vec<SchemaSizes>, most: usize) -> Vec<SchemaSizes> {
    if all.len() <= most {
        return all;
    }
    // The golden ratio of 64 bits: its multiples fall evenly, and never in step with anything.
    let some = (0..most as u64 - 1).map(|at| at.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let place = |fraction: u64| ((u128::from(fraction) * all.len() as u128) >> 64) as usize;
    some.map(place).chain([all.len() - 1]).map(|at| all[at]).collect()
}

fn lcm(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    (a / x.max(1)).saturating_mul(b)
}

/// Looking for tables of which all facts hold: one number of columns after the other.
struct Look<'a> {
    ex: &'a Expressions,
    choices: &'a Vec<Choice>,
    /// What holds of them, with what it is about.
    facts: Vec<(CondId, Vec<Size>)>,
    breaks: &'a [Break],
    /// The numbers that are looked for.
    order: Vec<Size>,
    period: u64,
    /// All up to this are tried.
    wide: u64,
    /// The fewest categorical columns: a table without any fills no input, and is looked at where only that is left.
    least: u64,
    /// How many may still be looked at.
    looks: usize,
    memo: Memo,
    found: Vec<SchemaSizes>,
}

impl Look<'_> {
    fn from(&mut self, at: usize, schema: SchemaSizes) {
        if at == self.order.len() {
            return self.found.push(schema);
        }
        let column = self.order[at].clone();
        for columns in self.tried(at, schema) {
            if self.looks == 0 {
                return;
            }
            self.looks -= 1;
            let schema = with(schema, &column, columns);
            let decided = &self.order[..=at];
            let asked =
                |(_, of): &&(CondId, Vec<Size>)| of.contains(&column) && of.iter().all(|of| decided.contains(of));
            let asked: Vec<CondId> = self.facts.iter().filter(asked).map(|(fact, _)| *fact).collect();
            if asked.into_iter().all(|fact| self.holds(fact, schema)) {
                self.from(at + 1, schema);
            }
        }
    }

    /// How many columns are tried, where those before are decided: few, and those at which a comparison changes its answer.
    fn tried(&mut self, at: usize, schema: SchemaSizes) -> BTreeSet<u64> {
        let column = self.order[at].clone();
        let least = if column == Size::Fields { self.least } else { 1 };
        let mut tried: BTreeSet<u64> = (least..=self.period.max(self.wide)).collect();
        if self.period == 1 {
            tried.extend(SCHEMAS.iter().map(|schema| count(schema, &column)));
        }
        let far = self.period.max(AROUND) as f64;
        let around = |number: f64, tried: &mut BTreeSet<u64>| {
            let (low, high) = (number.floor() - far, number.ceil() + far);
            let within = |x: f64| x.clamp(least as f64, MAX_COLUMNS as f64) as u64;
            if high >= least as f64 && low <= MAX_COLUMNS as f64 {
                tried.extend(within(low)..=within(high));
            }
        };
        let breaks = self.breaks;
        for broken in breaks.iter().filter(|broken| broken.columns.contains(&column)) {
            for &number in broken.numbers.iter().take(MAX_NUMBERS) {
                around(number, &mut tried);
            }
            if !broken.is_open && broken.columns.iter().all(|of| self.order[..=at].contains(of)) {
                self.root(broken.sides, &column, schema).into_iter().for_each(|root| around(root, &mut tried));
            }
        }
        tried
    }

    /// Where two sizes are equal, or change places: a number of these columns, whole or not.
    fn root(&mut self, (a, b): (SizeId, SizeId), column: &Size, schema: SchemaSizes) -> Option<f64> {
        let mut apart = |columns: u64| {
            let schema = with(schema, column, columns);
            self.value(a, schema) - self.value(b, schema)
        };
        let (first, second) = (apart(1), apart(2));
        let straight = 1.0 - first / (second - first);
        if (0.0..=MAX_COLUMNS as f64).contains(&straight) {
            let (low, high) = (apart(straight.floor().max(1.0) as u64), apart(straight.ceil().max(1.0) as u64));
            if low == 0.0 || high == 0.0 || (low < 0.0) != (high < 0.0) {
                return Some(straight);
            }
        }
        let (mut low, mut high) = (1, MAX_COLUMNS);
        if first.is_nan() || (first <= 0.0) == (apart(high) <= 0.0) {
            return None;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let is_low = (first <= 0.0) == (apart(middle) <= 0.0);
            (low, high) = if is_low { (middle, high) } else { (low, middle) };
        }
        Some(low as f64)
    }

    fn value(&mut self, size: SizeId, schema: SchemaSizes) -> f64 {
        let at = Assignment::with_memo(&[], schema, std::mem::take(&mut self.memo));
        let value = self.ex.evaluate(size, self.choices, &at);
        self.memo = at.into_memo();
        value.unwrap_or(f64::NAN)
    }

    fn holds(&mut self, cond: CondId, schema: SchemaSizes) -> bool {
        let at = Assignment::with_memo(&[], schema, std::mem::take(&mut self.memo));
        let holds = self.ex.holds(cond, self.choices, &at);
        self.memo = at.into_memo();
        holds == Ok(true)
    }
}
