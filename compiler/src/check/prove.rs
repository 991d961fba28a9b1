//! Are two sizes equal under every assignment? (language rule 4)

use super::elaborate::Elaborator;
use crate::ir::{Assignment, ChoiceId, ChoiceKind, Cond, Made, Relation, SchemaSizes, SizeId};

/// Most assignments that are tried one by one.
const MAX_TRIES: u64 = 20_000;

/// Schemas for which sizes are compared; a polynomial identity that holds for all of them is taken to hold.
const SCHEMAS: [SchemaSizes; 4] = [
    SchemaSizes { numeric: 13, fields: 26 },
    SchemaSizes { numeric: 1, fields: 23 },
    SchemaSizes { numeric: 3, fields: 10 },
    SchemaSizes { numeric: 17, fields: 1 },
];

/// Why two sizes could not be proved equal.
pub(super) enum Disproof {
    /// They differ, for instance so: the choices in words and both sizes.
    Counterexample { when: String, left: f64, right: f64 },
    /// Too many choices to try.
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
        let mut choices = Vec::new();
        self.ex.mentioned(a, &mut choices);
        self.ex.mentioned(b, &mut choices);
        for &fact in &self.facts {
            self.ex.mentioned_in(fact, &mut choices);
        }
        let options: Vec<Vec<Made>> = choices.iter().map(|&choice| self.options(choice)).collect();
        let count = options.iter().try_fold(1u64, |n, all| n.checked_mul(all.len() as u64));
        if count.is_none_or(|n| n > MAX_TRIES) {
            return Err(Disproof::Undecided);
        }
        let mut made = vec![None; self.choices.len()];
        for index in 0..count.unwrap_or(0) {
            let mut rest = index;
            for (choice, all) in choices.iter().zip(&options) {
                made[choice.index()] = Some(all[(rest % all.len() as u64) as usize]);
                rest /= all.len() as u64;
            }
            for schema in SCHEMAS {
                let at = Assignment::new(&made, schema);
                let possible = self.facts.iter().all(|&fact| self.ex.holds(fact, &self.choices, &at) == Ok(true));
                if !possible {
                    continue;
                }
                let (left, right) = (self.ex.evaluate(a, &self.choices, &at), self.ex.evaluate(b, &self.choices, &at));
                if let (Ok(left), Ok(right)) = (left, right)
                    && left != right
                {
                    let mut when: Vec<String> =
                        choices.iter().filter_map(|&c| Some(self.made_words(c, made[c.index()]?))).collect();
                    if when.is_empty() {
                        when.push(format!("with {} numeric columns and {} fields", schema.numeric, schema.fields));
                    }
                    return Err(Disproof::Counterexample { when: when.join(", "), left, right });
                }
            }
        }
        Ok(())
    }

    fn options(&self, choice: ChoiceId) -> Vec<Made> {
        match &self.choices[choice.index()].kind {
            ChoiceKind::Width { values } => (0..values.len() as u32).map(Made::One).collect(),
            ChoiceKind::Choose { alternatives } => (0..alternatives.len() as u32).map(Made::One).collect(),
            ChoiceKind::Maybe => vec![Made::One(0), Made::One(1)],
            ChoiceKind::Pick { lo, hi, sources } if sources.len() <= 14 => (0u64..1 << sources.len())
                .filter(|mask| (*lo..=*hi).contains(&(mask.count_ones() as usize)))
                .map(Made::Set)
                .collect(),
            // One more than is ever tried.
            ChoiceKind::Pick { .. } => vec![Made::Set(1); MAX_TRIES as usize + 1],
        }
    }

    /// A choice and its value as an architecture writes them: `b[2].w = 48`.
    fn made_words(&self, choice: ChoiceId, made: Made) -> String {
        let choice = &self.choices[choice.index()];
        let value = match &choice.kind {
            ChoiceKind::Width { values } => values.get(made.first()).map(i64::to_string).unwrap_or_default(),
            ChoiceKind::Choose { alternatives } => alternatives.get(made.first()).cloned().unwrap_or_default(),
            ChoiceKind::Maybe => if made.has(1) { "on" } else { "off" }.to_owned(),
            ChoiceKind::Pick { sources, .. } => {
                let taken: Vec<&str> =
                    sources.iter().enumerate().filter(|&(i, _)| made.has(i)).map(|(_, s)| s.as_str()).collect();
                format!("[{}]", taken.join(", "))
            }
        };
        format!("{} = {value}", choice.name)
    }
}
