//! Conditions on single choices: whether they exist, and what they take.

use super::Term;
use crate::check::elaborate::Elaborator;
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::ir::{ChoiceId, Cond, CondId, Relation, Size, Takes, Word};

impl Elaborator<'_> {
    /// Whether a choice exists: what is around it is taken (language rule 8).
    pub(super) fn exists(&mut self, choice: ChoiceId) -> CondId {
        match self.choices[choice.index()].parent {
            None => self.ex.known(true),
            Some((parent, positions)) => {
                let around = self.exists(parent);
                let taken = (0..64).filter(|position| positions >> position & 1 == 1);
                let mut any = self.ex.known(false);
                for position in taken {
                    let one = self.position(parent, position);
                    any = self.ex.or(any, one);
                }
                self.ex.and(around, any)
            }
        }
    }

    /// Whether a choice exists and takes this position.
    pub(super) fn takes(&mut self, choice: ChoiceId, position: usize) -> CondId {
        let exists = self.exists(choice);
        let taken = self.position(choice, position);
        self.ex.and(exists, taken)
    }

    /// Whether a choice, which exists, takes this position.
    pub(super) fn position(&mut self, choice: ChoiceId, position: usize) -> CondId {
        let offer = &self.choices[choice.index()].offer;
        // What takes exactly one is told by which; a set also by none of them.
        let (count, set) = (offer.positions(), offer.takes().range() != (1, 1));
        let one = self.ex.constant(1.0);
        if count <= 1 && !set {
            return self.ex.known(position == 0);
        }
        let marks = (0..count).map(|at| self.ex.constant(f64::from(u8::from(at == position)))).collect();
        let mark = self.ex.atom(if set { Size::Picked(choice, marks) } else { Size::OneOf(choice, marks) });
        self.ex.compare(Relation::Equal, mark, one)
    }

    /// What a choice can take, in words; nothing where its positions are numbers, which are compared as such.
    pub(super) fn labels(&self, choice: ChoiceId) -> Vec<String> {
        let offer = &self.choices[choice.index()].offer;
        if offer.numbers().is_empty() { offer.labels().to_vec() } else { Vec::new() }
    }

    pub(super) fn takes_several(&self, choice: ChoiceId) -> bool {
        matches!(self.choices[choice.index()].offer.takes(), Takes::Set { hi: 2.., .. })
    }

    /// The position of a label among what a choice can take; `None` twice over where there is a mistake.
    pub(super) fn label_of(&mut self, choice: ChoiceId, term: &Term, span: Span) -> Option<Option<usize>> {
        let label = match term {
            Term::Label(label) | Term::Choice(_, label) => label.clone(),
            Term::Truth(cond) => match *self.ex.cond(*cond) {
                Cond::Known(true) => "on".to_owned(),
                Cond::Known(false) => "off".to_owned(),
                _ => String::new(),
            },
            Term::Missing => return Some(None),
            _ => String::new(),
        };
        let labels = self.labels(choice);
        if let Some(at) = labels.iter().position(|known| *known == label) {
            return Some(Some(at));
        }
        // Another instance may well offer it.
        if label.ends_with(']') && self.choices[choice.index()].offer.word() == Word::Pick {
            return Some(None);
        }
        let near = nearest(&label, labels.iter().map(String::as_str)).map(str::to_owned);
        let name = self.choices[choice.index()].name.clone();
        let written = self.program.sources.text(span).to_owned();
        self.fail(
            Diagnostic::error(Code::Choice, format!("`{name}` cannot be `{written}`"))
                .label(span, format!("expected one of {}", labels.join(", ")))
                .label(self.choices[choice.index()].span, "the choice")
                .did_you_mean(span, &label, near.as_deref()),
        )
    }
}
