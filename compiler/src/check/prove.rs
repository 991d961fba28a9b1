//! Are two sizes equal under every assignment? (language rule 4)

use super::elaborate::Elaborator;
use super::tables::{Asked, SCHEMAS};
use crate::ir::{Assignment, ChoiceId, Cond, CondId, InputKind, MAX_SIZE, Made, Relation, SchemaSizes, Size, SizeId};

/// Most assignments that are tried one by one.
const MAX_TRIES: u64 = 20_000;

/// The largest denominator of a size that is shown to be whole.
const MAX_DENOMINATOR: u64 = 64;

/// Most tables that are tried with each assignment, where there are few of these.
const MAX_TABLES: u64 = 16;

/// Assignments that are tried as soon as it is worked out what all of them are at once.
const FEW: u64 = 16;

/// Why two sizes could not be proved equal.
pub(super) enum Disproof {
    /// They differ, for instance so: the choices in words, empty where they always differ, and both sizes.
    Counterexample { when: String, left: f64, right: f64 },
    /// Too many choices to try.
    Undecided,
}

enum Outcome {
    Holds,
    Fails { when: String, values: Vec<f64> },
    Undecided,
}

impl Elaborator<'_> {
    pub fn prove_equal(&mut self, a: SizeId, b: SizeId) -> Result<(), Disproof> {
        // An operator checked on its own: what it is called with decides.
        if a == b || self.generic {
            return Ok(());
        }
        for &fact in &self.facts {
            if let Cond::Compare(Relation::Equal, p, q) = *self.ex.cond(fact)
                && ((p, q) == (a, b) || (q, p) == (a, b))
            {
                return Ok(());
            }
        }
        match self.first_failure(&[a, b], |values| values[0] == values[1]) {
            Outcome::Holds => Ok(()),
            Outcome::Undecided => Err(Disproof::Undecided),
            Outcome::Fails { when, values } => {
                Err(Disproof::Counterexample { when, left: values[0], right: values[1] })
            }
        }
    }

    /// Whether a size is a whole number under every assignment; where one is known under which it is not, that one and what it is
    /// then. What is a fraction of a polynomial in the numbers of columns repeats itself with its denominator: so many numbers of each are tried.
    pub fn prove_whole(&mut self, size: SizeId) -> Result<(), Option<(String, f64)>> {
        if self.generic || self.ex.is_whole(size) {
            return Ok(());
        }
        if let (Size::Max(a, b) | Size::Min(a, b), true) = (self.ex.size(size).clone(), self.ex.is_of_data(size)) {
            return self.prove_whole(a).and_then(|()| self.prove_whole(b));
        }
        let asked = match self.ex.denominator(size).filter(|&denominator| denominator <= MAX_DENOMINATOR) {
            Some(denominator) => Asked::Remainders(denominator),
            None if !self.ex.is_of_data(size) => Asked::Several(SCHEMAS.len()),
            None if self.is_pinned(size) => Asked::Remainders(1),
            None => return Err(None),
        };
        match self.first_failure_of(&[size], Some(asked), None, |values| values[0].fract() == 0.0) {
            Outcome::Holds => Ok(()),
            Outcome::Undecided => Err(None),
            Outcome::Fails { when, values } => Err(Some((when, values[0]))),
        }
    }

    /// Whether what is known says how many there are of all columns that a size depends on.
    fn is_pinned(&self, size: SizeId) -> bool {
        let facts = self.ex.conjuncts(&self.facts);
        let says = |of: &Size, fact: CondId| match *self.ex.cond(fact) {
            Cond::Compare(Relation::Equal, a, b) => {
                [(a, b), (b, a)].into_iter().any(|(a, b)| self.ex.size(a) == of && self.ex.as_constant(b).is_some())
            }
            _ => false,
        };
        self.ex.columns_of(&[size], &[]).iter().all(|of| facts.iter().any(|&fact| says(of, fact)))
    }

    /// Whether a size is from 1 to [`MAX_SIZE`] under every assignment; where it is not, for instance when, and what it is then.
    /// What cannot be decided is let pass here: the plan of an architecture says it again.
    pub fn prove_possible(&mut self, size: SizeId) -> Result<(), (String, f64)> {
        let obvious = matches!(self.ex.size(size), Size::Width(_) | Size::Numeric | Size::Fields | Size::Columns(_));
        if obvious || self.generic || self.positive.contains(&size) {
            return Ok(());
        }
        let (least, most) = (1.0, MAX_SIZE as f64);
        match self.first_failure_of(&[size], None, Some((least, most)), |values| (least..=most).contains(&values[0])) {
            Outcome::Fails { when, values } => Err((when, values[0])),
            Outcome::Holds | Outcome::Undecided => {
                // What was shown under assumptions holds only there; what the space requires holds everywhere.
                if self.facts.len() == self.required.len() {
                    self.positive.insert(size);
                }
                Ok(())
            }
        }
    }

    /// Tries every assignment of the choices that these sizes mention, under what is known to hold.
    fn first_failure(&mut self, sizes: &[SizeId], agree: impl Fn(&[f64]) -> bool) -> Outcome {
        self.first_failure_of(sizes, None, None, agree)
    }

    /// The same with tables for what is asked. `limits`: sizes agree wherever they are from the first to the second of these.
    fn first_failure_of(
        &mut self,
        sizes: &[SizeId],
        asked: Option<Asked>,
        limits: Option<(f64, f64)>,
        agree: impl Fn(&[f64]) -> bool,
    ) -> Outcome {
        let mut choices = Vec::new();
        sizes.iter().for_each(|&size| self.ex.mentioned(size, &mut choices));
        self.facts.iter().for_each(|&fact| self.ex.mentioned_in(fact, &mut choices));
        let counts = choices.iter().map(|&choice| self.choices[choice.index()].offer.option_count());
        let mut count = counts.fold(1u64, u64::saturating_mul);
        // An evaluation costs at most about as much as there are expressions.
        if count > MAX_TRIES {
            return Outcome::Undecided;
        }
        let options: Vec<Vec<Made>> = choices
            .iter()
            .map(|&choice| {
                let choice = &self.choices[choice.index()];
                let all = choice.is_relaxed().then(|| Made::Set(choice.offer.all()));
                choice.offer.options().into_iter().chain(all).collect()
            })
            .collect();
        let options = match options.iter().fold(1u64, |all, options| all.saturating_mul(options.len() as u64)) {
            with_all if with_all <= MAX_TRIES => {
                count = with_all;
                options
            }
            // What cannot be tried does not take part in the full path.
            _ => {
                choices.iter().for_each(|&choice| self.keeps_its_count(choice));
                choices.iter().map(|&choice| self.choices[choice.index()].offer.options()).collect()
            }
        };
        let most = (4 * MAX_TRIES / count.max(1)).clamp(SCHEMAS.len() as u64, MAX_TABLES);
        let Some(schemas) = self.tables(sizes, asked.unwrap_or(Asked::Several(most as usize))) else {
            return Outcome::Undecided;
        };
        // Many are not tried where all of them at once say enough.
        if let Some(limits) = limits.filter(|_| count > FEW)
            && sizes.iter().all(|&size| self.lies_within(size, limits, &schemas))
        {
            return Outcome::Holds;
        }
        let cost = count.saturating_mul((self.ex.size_count() as u64).min(4 * MAX_TRIES));
        let cost = cost.saturating_mul(schemas.len().div_ceil(SCHEMAS.len()) as u64);
        if cost > self.proof_budget {
            return Outcome::Undecided;
        }
        self.proof_budget -= cost;
        let mut made = vec![None; self.choices.len()];
        let mut memo = std::mem::take(&mut self.memo);
        let mut outcome = Outcome::Holds;
        'tries: for index in 0..count {
            let mut rest = index;
            for (choice, all) in choices.iter().zip(&options) {
                made[choice.index()] = Some(all[(rest % all.len() as u64) as usize]);
                rest /= all.len() as u64;
            }
            if choices.iter().any(|&c| !self.choices[c.index()].is_relaxed() && self.is_beyond(c, &made)) {
                continue;
            }
            for &schema in &schemas {
                let at = Assignment::with_memo(&made, schema, memo);
                let possible = self.facts.iter().all(|&fact| self.ex.holds(fact, &self.choices, &at) == Ok(true));
                let values: Result<Vec<f64>, _> =
                    sizes.iter().map(|&size| self.ex.evaluate(size, &self.choices, &at)).collect();
                memo = at.into_memo();
                let Ok(values) = values else { continue };
                if possible && !agree(&values) {
                    let needed = self.decisive(&choices, sizes, &made, schema);
                    // What is so with all sources alone is no mistake: the full path keeps from it.
                    let beyond: Vec<ChoiceId> = needed.iter().copied().filter(|&c| self.is_beyond(c, &made)).collect();
                    if !beyond.is_empty() {
                        beyond.into_iter().for_each(|choice| self.keeps_its_count(choice));
                        continue 'tries;
                    }
                    let mut when: Vec<String> =
                        needed.iter().filter_map(|&c| Some(self.made_words(c, made[c.index()]?))).collect();
                    when.extend(self.data_words(sizes, &made, schema, &values));
                    let last = when.pop().unwrap_or_default();
                    let when = if when.is_empty() { last } else { format!("{} and {last}", when.join(", ")) };
                    outcome = Outcome::Fails { when, values };
                    break 'tries;
                }
            }
        }
        self.memo = memo;
        outcome
    }

    /// Whether more is taken of a choice than it offers.
    fn is_beyond(&self, choice: ChoiceId, made: &[Option<Made>]) -> bool {
        made[choice.index()].is_some_and(|made| !self.choices[choice.index()].offer.has(made))
    }

    /// The full path takes no more of this pick's sources than it offers.
    fn keeps_its_count(&mut self, choice: ChoiceId) {
        let choice = &mut self.choices[choice.index()];
        choice.is_joined_whole &= !choice.exceeds();
    }

    /// The choices without which the sizes would not have these values: the others are no part of a counterexample.
    fn decisive(
        &self,
        choices: &[ChoiceId],
        sizes: &[SizeId],
        made: &[Option<Made>],
        schema: SchemaSizes,
    ) -> Vec<ChoiceId> {
        let values = |made: &[Option<Made>]| {
            let at = Assignment::new(made, schema);
            let conditions: Vec<_> = self.facts.iter().map(|&fact| self.ex.holds(fact, &self.choices, &at)).collect();
            let sizes: Vec<_> = sizes.iter().map(|&size| self.ex.evaluate(size, &self.choices, &at)).collect();
            (conditions, sizes)
        };
        let wanted = values(made);
        // Evaluation asks only for what a value depends on: a choice that can be left open is none of it.
        let mut kept = made.to_vec();
        for choice in choices {
            let decided = kept[choice.index()].take();
            if values(&kept) != wanted {
                kept[choice.index()] = decided;
            }
        }
        choices.iter().copied().filter(|choice| kept[choice.index()].is_some()).collect()
    }

    /// What of the data these values depend on, in words.
    fn data_words(&self, sizes: &[SizeId], made: &[Option<Made>], of: SchemaSizes, values: &[f64]) -> Option<String> {
        let differs = |other: SchemaSizes| {
            let at = Assignment::new(made, other);
            sizes.iter().zip(values).any(|(&size, &value)| self.ex.evaluate(size, &self.choices, &at) != Ok(value))
        };
        let numeric = differs(SchemaSizes { numeric: of.numeric + 4, ..of });
        let fields = differs(SchemaSizes { fields: of.fields + 4, ..of });
        let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let (columns, categories) = (plural(of.numeric, "numeric column"), plural(of.fields, "field"));
        let mut parts: Vec<String> = [(numeric, columns), (fields, categories)]
            .into_iter()
            .filter(|(of, _)| *of)
            .map(|(_, words)| words)
            .collect();
        for (at, input) in self.inputs.iter().enumerate() {
            let mut other = of;
            other.columns[at] += 4;
            if differs(other) {
                let what = if input.kind == InputKind::Sequence { "place" } else { "column" };
                parts.push(format!("{} for `{}`", plural(of.columns[at].into(), what), input.name));
            }
        }
        let last = parts.pop()?;
        let and = if parts.is_empty() { "" } else { " and " };
        Some(format!("the data has {}{and}{last}", parts.join(", ")))
    }

    /// A choice and its value as an architecture writes them: `b[2].w = 48`.
    fn made_words(&self, choice: ChoiceId, made: Made) -> String {
        let choice = &self.choices[choice.index()];
        format!("{} = {}", choice.name, choice.offer.written(made))
    }
}
