//! Intervals against every assignment of small expressions.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::diagnostics::{FileId, Span};
use crate::ir::{Assignment, Bounds, Choice, Made, Word};
use crate::streams::Streams;

fn choice(name: &str, offer: Offer) -> Choice {
    let span = Span::new(FileId(0), 0, 0);
    Choice { name: name.to_owned(), block: None, offer, parent: None, span, is_joined_whole: true }
}

/// Two of each kind of choice.
fn choices() -> Vec<Choice> {
    let names = || ["a", "b", "c"].map(str::to_owned).to_vec();
    vec![
        choice("w", Offer::width(vec![8, 1, 5])),
        choice("v", Offer::width(vec![2, 3])),
        choice("d", Offer::choose(1, 1, names())),
        choice("h", Offer::repeat(0, 2)),
        choice("m", Offer::maybe()),
        choice("n", Offer::maybe()),
        choice("p", Offer::pick(1, 2, names())),
        choice("q", Offer::pick(0, 3, names())),
    ]
}

/// What is known where each choice takes one of these values.
struct Among<'a> {
    ex: &'a Expressions,
    choices: &'a [Choice],
    values: &'a [Vec<Made>],
    schema: Option<SchemaSizes>,
    /// Whether conditions are looked into.
    settles: bool,
}

impl Knowledge for Among<'_> {
    fn size(&mut self, size: SizeId) -> Interval {
        let ex = self.ex;
        ex.interval(size, self)
    }

    fn condition(&mut self, condition: CondId) -> Option<bool> {
        let ex = self.ex;
        if self.settles { ex.settled(condition, self) } else { None }
    }

    fn width(&self, choice: ChoiceId) -> Interval {
        let numbers = self.choices[choice.index()].offer.numbers();
        let values = self.values[choice.index()].iter();
        values.map(|made| Interval::just(numbers[made.first()] as f64)).reduce(Interval::or).expect("it has a value")
    }

    fn taken(&self, choice: ChoiceId) -> Taken {
        let offer = &self.choices[choice.index()].offer;
        let masks: Vec<u64> = self.values[choice.index()]
            .iter()
            .map(|made| (0..offer.positions()).filter(|&at| made.has(at)).fold(0, |mask, at| mask | 1 << at))
            .collect();
        let counts = || masks.iter().map(|mask| mask.count_ones() as usize);
        Taken {
            must: masks.iter().fold(u64::MAX, |all, mask| all & mask),
            may: masks.iter().fold(0, |any, mask| any | mask),
            range: (counts().min().expect("it has a value"), counts().max().expect("it has a value")),
        }
    }

    fn schema(&self) -> Option<SchemaSizes> {
        self.schema
    }

    fn cost(&self, _: Cost) -> Interval {
        Interval::ANYTHING
    }
}

/// Every way to take one of its values for each of these choices; the others stay open.
fn assignments(values: &[Vec<Made>], of: &[ChoiceId]) -> Vec<Vec<Option<Made>>> {
    of.iter().fold(vec![vec![None; values.len()]], |all, choice| {
        let with = |made: &Vec<Option<Made>>, value| {
            let mut made = made.clone();
            made[choice.index()] = Some(value);
            made
        };
        all.iter().flat_map(|made| values[choice.index()].iter().map(|&value| with(made, value))).collect()
    })
}

/// Random sizes and conditions.
struct Writer {
    ex: Expressions,
    rng: ChaCha8Rng,
}

impl Writer {
    fn below(&mut self, end: u32) -> u32 {
        self.rng.random_range(0..end)
    }

    fn constant(&mut self) -> SizeId {
        let value = f64::from(self.below(13)) - 4.0;
        let scale = if self.below(4) == 0 { 0.5 } else { 1.0 };
        self.ex.constant(value * scale)
    }

    fn size(&mut self, depth: u32) -> SizeId {
        let Some(below) = depth.checked_sub(1) else {
            return match self.below(6) {
                0 | 1 => self.constant(),
                2 => self.ex.atom(Size::Numeric),
                3 => self.ex.atom(Size::Fields),
                width => self.ex.atom(Size::Width(ChoiceId(width - 4))),
            };
        };
        match self.below(13) {
            0 => self.size(0),
            1 | 2 => {
                let (a, b, by) = (self.size(below), self.size(below), f64::from(self.below(5)) - 2.0);
                self.ex.add_scaled(a, b, by)
            }
            3 => {
                let (a, b) = (self.size(below), self.size(below));
                self.ex.product(a, b)
            }
            4 | 5 => {
                let (a, b) = (self.size(below), self.size(below));
                self.ex.quotient(a, b)
            }
            6 => {
                let a = self.size(below);
                self.ex.root(a)
            }
            7 => {
                let a = self.size(below);
                self.ex.round(a)
            }
            8 => {
                let (a, b) = (self.size(below), self.size(below));
                if self.below(2) == 0 { self.ex.max(a, b) } else { self.ex.min(a, b) }
            }
            9 => {
                let (condition, a, b) = (self.condition(below), self.size(below), self.size(below));
                self.ex.branch(condition, a, b)
            }
            10 => {
                let choice = ChoiceId(2 + self.below(2));
                let all = [self.size(below), self.size(below), self.size(below)];
                self.ex.atom(Size::OneOf(choice, all.to_vec()))
            }
            11 => {
                let choice = ChoiceId(6 + self.below(2));
                // What is picked has whole sizes.
                let all = [self.size(below), self.size(below), self.size(below)].map(|size| self.ex.round(size));
                self.ex.atom(Size::Picked(choice, all.to_vec()))
            }
            _ => {
                let (choice, a) = (ChoiceId(4 + self.below(2)), self.size(below));
                self.ex.atom(Size::When(choice, a))
            }
        }
    }

    fn condition(&mut self, depth: u32) -> CondId {
        match (depth.checked_sub(1), self.below(6)) {
            (Some(below), 0) => {
                let a = self.condition(below);
                self.ex.not(a)
            }
            (Some(below), 1) => {
                let (a, b) = (self.condition(below), self.condition(below));
                self.ex.and(a, b)
            }
            (Some(below), 2) => {
                let (a, b) = (self.condition(below), self.condition(below));
                self.ex.or(a, b)
            }
            (below, _) => {
                let (a, b) = (self.size(below.unwrap_or(0)), self.size(below.unwrap_or(0)));
                let relation = [Relation::Equal, Relation::Less, Relation::AtMost][self.below(3) as usize];
                self.ex.compare(relation, a, b)
            }
        }
    }
}

/// Some of the values of each choice.
fn some(choices: &[Choice], rng: &mut impl Rng) -> Vec<Vec<Made>> {
    let of = |choice: &Choice| {
        let mut options = choice.offer.options();
        while options.len() > 1 && rng.random_bool(0.3) {
            options.swap_remove(rng.random_range(0..options.len()));
        }
        options
    };
    choices.iter().map(of).collect()
}

/// Beyond what rounding makes of it.
fn holds(interval: Interval, value: f64) -> bool {
    let slack = 1e-9 * (1.0 + value.abs());
    if value.is_finite() { interval.lo <= value + slack && value - slack <= interval.hi } else { !interval.finite }
}

const SCHEMAS: [SchemaSizes; 2] = [
    SchemaSizes { numeric: 3, fields: 2, ..SchemaSizes::ONE },
    SchemaSizes { numeric: 1, fields: 7, ..SchemaSizes::ONE },
];

#[test]
fn every_value_is_in_its_interval_and_what_is_settled_is_so() {
    let choices = choices();
    let (mut tight, mut settled, mut undefined) = (0, [0; 2], 0);
    for case in 0..6_000 {
        let mut writer = Writer { ex: Expressions::default(), rng: Streams::new(1).rng("sizes", case) };
        let (size, condition) = (writer.size(3), writer.condition(2));
        let values = some(&choices, &mut writer.rng);
        let (with_schema, settles) = (writer.below(2) == 0, writer.below(2) == 0);
        let ex = &writer.ex;
        let schema = with_schema.then_some(SCHEMAS[0]);
        let mut known = Among { ex, choices: &choices, values: &values, schema, settles };
        let (interval, verdict) = (ex.interval(size, &mut known), ex.settled(condition, &mut known));
        let mut mentioned = Vec::new();
        ex.mentioned(size, &mut mentioned);
        ex.mentioned_in(condition, &mut mentioned);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for made in assignments(&values, &mentioned) {
            for schema in &SCHEMAS[..2 - usize::from(with_schema)] {
                let at = Assignment::new(&made, *schema);
                let value = ex.evaluate(size, &choices, &at).expect("what it mentions is decided");
                assert!(holds(interval, value), "case {case}: {value} of {interval:?} with {made:?}");
                (least, most) = (least.min(value), most.max(value));
                undefined += usize::from(!value.is_finite());
                let truth = ex.holds(condition, &choices, &at).expect("what it mentions is decided");
                assert!(verdict.is_none_or(|verdict| verdict == truth), "case {case}: {verdict:?} with {made:?}");
            }
        }
        tight += usize::from(interval.lo == least && interval.hi == most);
        settled[0] += usize::from(verdict == Some(false));
        settled[1] += usize::from(verdict == Some(true));
    }
    assert!(
        tight > 2_000 && settled.iter().all(|&count| count > 300) && undefined > 1_000,
        "{tight} {settled:?} {undefined}"
    );
}

/// A size of which every choice is mentioned once, so that its operands are independent, and which is monotone in each.
fn independent(writer: &mut Writer, left: &mut Vec<ChoiceId>, choices: &[Choice], values: &[Vec<Made>]) -> SizeId {
    let Some(choice) = left.pop() else { return writer.constant() };
    let offer = &choices[choice.index()].offer;
    let mut operand = |writer: &mut Writer| match writer.below(3) {
        0 => writer.constant(),
        _ => independent(writer, left, choices, values),
    };
    let own = match offer.word() {
        Word::Width => Size::Width(choice),
        Word::Maybe => Size::When(choice, operand(writer)),
        Word::Pick => Size::Picked(choice, (0..offer.positions()).map(|_| operand(writer)).collect()),
        _ => Size::OneOf(choice, (0..offer.positions()).map(|_| operand(writer)).collect()),
    };
    let (a, b) = (writer.ex.atom(own), operand(writer));
    let ex = &writer.ex;
    let (of_a, of_b) = {
        let mut known = Among { ex, choices, values, schema: Some(SCHEMAS[0]), settles: true };
        (known.size(a), known.size(b))
    };
    match writer.below(7) {
        0 => writer.ex.add_scaled(a, b, 2.0),
        1 => writer.ex.add_scaled(a, b, -1.0),
        2 => writer.ex.product(a, b),
        3 if of_b.lo > 0.0 => writer.ex.quotient(a, b),
        4 if of_a.lo >= 0.0 => writer.ex.root(a),
        5 => writer.ex.min(a, b),
        6 => writer.ex.round(a),
        _ => writer.ex.max(a, b),
    }
}

#[test]
fn ends_are_attained_where_operands_are_independent() {
    let choices = choices();
    for case in 0..2_000 {
        let mut writer = Writer { ex: Expressions::default(), rng: Streams::new(2).rng("sizes", case) };
        let values: Vec<Vec<Made>> = choices
            .iter()
            .map(|choice| {
                // All of them, or one: what is left of a set is not always all that its members allow.
                let options = choice.offer.options();
                if writer.below(3) == 0 { vec![options[writer.below(options.len() as u32) as usize]] } else { options }
            })
            .collect();
        let mut left: Vec<ChoiceId> = (0..8).map(ChoiceId).collect();
        for at in (1..8).rev() {
            left.swap(at, writer.below(at as u32 + 1) as usize);
        }
        left.truncate(5);
        let size = independent(&mut writer, &mut left, &choices, &values);
        let ex = &writer.ex;
        let mut known = Among { ex, choices: &choices, values: &values, schema: Some(SCHEMAS[0]), settles: true };
        let interval = ex.interval(size, &mut known);
        let mut mentioned = Vec::new();
        ex.mentioned(size, &mut mentioned);
        let all = assignments(&values, &mentioned);
        let all = all.iter().map(|made| {
            ex.evaluate(size, &choices, &Assignment::new(made, SCHEMAS[0])).expect("what it mentions is decided")
        });
        let (least, most) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs());
        assert!(
            interval.finite && near(interval.lo, least) && near(interval.hi, most),
            "case {case}: {least}..{most}, {interval:?}"
        );
    }
}

/// What a size can be over all choices and one schema.
fn over_all(ex: &Expressions, size: SizeId, schema: SchemaSizes) -> Interval {
    let choices = choices();
    let values: Vec<Vec<Made>> = choices.iter().map(|choice| choice.offer.options()).collect();
    ex.interval(size, &mut Among { ex, choices: &choices, values: &values, schema: Some(schema), settles: true })
}

#[test]
fn a_divisor_that_may_be_zero_is_at_least_one_where_it_is_whole_and_anything_where_it_is_not() {
    let mut ex = Expressions::default();
    let (dividend, width) = (ex.constant(60.0), ex.atom(Size::Width(ChoiceId(0))));
    let mut by = |less: f64, scale: f64| {
        let less = ex.constant(less);
        let divisor = ex.add_scaled(less, width, scale);
        ex.quotient(dividend, divisor)
    };
    // The width is 1, 5 or 8: 60 / 0, 60 / 4 and 60 / 7; 60 / -4, 60 / 0 and 60 / 3; 60 / 0.5 and fractions below.
    let (above, across, fraction) = (by(-1.0, 1.0), by(-5.0, 1.0), by(-0.5, 0.5));
    let cut_off = {
        let most = ex.constant(32.0);
        ex.min(above, most)
    };
    let of = |size| over_all(&ex, size, SCHEMAS[0]);
    assert_eq!(of(above), Interval { lo: 60.0 / 7.0, hi: 60.0, finite: false });
    assert_eq!(of(across), Interval { lo: -60.0, hi: 60.0, finite: false });
    assert_eq!(of(fraction), Interval::ANYTHING);
    assert_eq!(of(cut_off), Interval { lo: 60.0 / 7.0, hi: 32.0, finite: false });
    // The same in the bounds of a space, by which what is stored is laid out.
    let bounds = Bounds::new(&ex, &choices(), SCHEMAS[0]);
    assert_eq!([above, across, cut_off].map(|size| bounds.largest(size)), [60, 60, 32]);
}

#[test]
fn a_relaxed_architecture_takes_every_source_of_a_pick() {
    let mut ex = Expressions::default();
    let sizes = [3.0, 5.0, 8.0].map(|size| ex.constant(size));
    let picked = ex.atom(Size::Picked(ChoiceId(6), sizes.to_vec()));
    assert_eq!(over_all(&ex, picked, SCHEMAS[0]), Interval::new(3.0, 13.0));
    let bounds = Bounds::new(&ex, &choices(), SCHEMAS[0]);
    assert_eq!((bounds.smallest(picked), bounds.largest(picked)), (3.0, 16));
}

#[test]
fn an_equality_bounds_the_branch_where_it_holds() {
    let mut ex = Expressions::default();
    let (w, v) = (ex.atom(Size::Width(ChoiceId(0))), ex.atom(Size::Width(ChoiceId(1))));
    let (same, small) = (ex.compare(Relation::Equal, w, v), ex.constant(2.0));
    let both = {
        let below = ex.compare(Relation::Less, v, w);
        ex.and(same, below)
    };
    let (size, deeper) = (ex.branch(same, w, small), ex.branch(both, w, small));
    assert_eq!([size, deeper].map(|size| over_all(&ex, size, SCHEMAS[0])), [Interval::new(2.0, 3.0); 2]);
}
