//! The choices of two spaces, side by side.

use serde::Serialize;

use crate::ir::{Choice, Made, Offer, SpaceGraph};

/// What became of one choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Of the choice, such as `b[1].x`.
    pub name: String,
    /// The word of its kind in the second space, or in the first where it is gone.
    pub kind: &'static str,
    /// How what it offers changed.
    pub values: Values,
}

/// How the values of a choice changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Values {
    /// Only the second space has it.
    Added,
    /// Only the first space has it.
    Removed,
    /// It offers more.
    Widened {
        /// Values of the second space only, as source writes them; `3 of them` for a number of members.
        added: Vec<String>,
    },
    /// It offers less.
    Narrowed {
        /// Values of the first space only, written in the same way.
        removed: Vec<String>,
    },
    /// It offers more and less.
    Changed {
        /// Values of the second space only.
        added: Vec<String>,
        /// Values of the first space only.
        removed: Vec<String>,
    },
    /// It is of another kind.
    Kind {
        /// The word of its kind in the first space.
        was: &'static str,
    },
}

/// A choice that is somewhere else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// Its name in the first space.
    pub from: String,
    /// Its name in the second space; the same one where only what it is inside of has changed.
    pub to: String,
    /// What it is inside of, before and after.
    pub inside: (Option<String>, Option<String>),
}

/// The choices that differ, in the order of the first space, then those that only the second has.
pub fn choices(a: &SpaceGraph, b: &SpaceGraph) -> Vec<Change> {
    let find = |graph: &SpaceGraph, name: &str| graph.choices.iter().position(|choice| choice.name == name);
    let mut changes = Vec::new();
    for choice in &a.choices {
        let (kind, values) = match find(b, &choice.name) {
            None => (choice.offer.word().text(), Values::Removed),
            Some(other) => {
                let other = &b.choices[other];
                match values(choice, other) {
                    Some(values) => (other.offer.word().text(), values),
                    None => continue,
                }
            }
        };
        changes.push(Change { name: choice.name.clone(), kind, values });
    }
    for choice in b.choices.iter().filter(|choice| find(a, &choice.name).is_none()) {
        changes.push(Change { name: choice.name.clone(), kind: choice.offer.word().text(), values: Values::Added });
    }
    changes
}

fn values(a: &Choice, b: &Choice) -> Option<Values> {
    if a.offer.word() != b.offer.word() {
        return Some(Values::Kind { was: a.offer.word().text() });
    }
    let (of_a, of_b) = (offered(&a.offer), offered(&b.offer));
    let added: Vec<String> = of_b.iter().filter(|value| !of_a.contains(value)).cloned().collect();
    let removed: Vec<String> = of_a.iter().filter(|value| !of_b.contains(value)).cloned().collect();
    match (added.is_empty(), removed.is_empty()) {
        (true, true) => None,
        (false, true) => Some(Values::Widened { added }),
        (true, false) => Some(Values::Narrowed { removed }),
        (false, false) => Some(Values::Changed { added, removed }),
    }
}

/// What a choice offers: its labels, and for a set how many of them.
fn offered(offer: &Offer) -> Vec<String> {
    let mut all = offer.labels().to_vec();
    if let Some((lo, hi)) = offer.counts() {
        all.extend((lo..=hi).map(|count| format!("{count} of them")));
    }
    all
}

/// Choices of one name that are inside of something else now, and pairs of a removed and an added choice that differ in
/// nothing but where they are, where there is only one such pair.
pub fn moved(a: &SpaceGraph, b: &SpaceGraph) -> Vec<Moved> {
    let has = |graph: &SpaceGraph, name: &str| graph.choices.iter().any(|choice| choice.name == name);
    let mut all = Vec::new();
    for choice in &a.choices {
        let Some(other) = b.choices.iter().find(|other| other.name == choice.name) else { continue };
        let (from, to) = (inside(a, choice), inside(b, other));
        if from != to {
            all.push(Moved { from: choice.name.clone(), to: other.name.clone(), inside: (from, to) });
        }
    }
    let alike = |p: &Choice, q: &Choice| p.offer == q.offer && last(p) == last(q);
    let gone: Vec<&Choice> = a.choices.iter().filter(|choice| !has(b, &choice.name)).collect();
    let new: Vec<&Choice> = b.choices.iter().filter(|choice| !has(a, &choice.name)).collect();
    for from in &gone {
        let to: Vec<&&Choice> = new.iter().filter(|to| alike(from, to)).collect();
        if let [to] = to.as_slice()
            && gone.iter().filter(|other| alike(other, to)).count() == 1
        {
            let inside = (inside(a, from), inside(b, to));
            all.push(Moved { from: from.name.clone(), to: to.name.clone(), inside });
        }
    }
    all
}

/// The choice and its values that a choice is inside of.
pub(super) fn inside(graph: &SpaceGraph, choice: &Choice) -> Option<String> {
    let (parent, positions) = choice.parent?;
    let parent = &graph.choices[parent.index()];
    Some(format!("{} = {}", parent.name, parent.offer.called(Made::Set(positions)).join(" or ")))
}

fn last(choice: &Choice) -> &str {
    choice.name.rsplit('.').next().unwrap_or_default()
}
