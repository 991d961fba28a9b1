//! Few-shot: the supernet is split by one choice of an operator; for each option a copy is trained further on paths that take it, and
//! judges the architectures that do (Zhao et al., arXiv 2006.06863).

use nasrec_compiler::ir::{ChoiceId, Made, Takes, Word};
use nasrec_compiler::{Architecture, Space};

use super::super::drawn::Subject;
use super::super::further::Further;
use super::{InSupernet, further};
use crate::Result;
use crate::backend::Backend;

/// Paths that are drawn for one that takes an option, at most: where all options are as likely, hardly one needs so many.
const DRAWS: u64 = 1_000;

pub(super) fn judge<B: Backend>() -> InSupernet<B> {
    InSupernet {
        name: "few-shot",
        // Copies are trained once for all of them, one after the other.
        together: usize::MAX,
        of_others: false,
        is_asked: |job| further(job) && split(&job.space).is_some(),
        prepared: |setting| {
            let further = Further::new(setting)?;
            Ok(Box::new(move |subjects| scores(&further, subjects)))
        },
    }
}

fn scores<B: Backend>(further: &Further<'_, B>, subjects: &[Subject]) -> Result<Vec<f64>> {
    let space = &further.setting().job.space;
    let Some(split) = split(space) else { return Ok(vec![f64::INFINITY; subjects.len()]) };
    let options = space.choices()[split.0 as usize].offer.positions() as u32;
    let mut scores = vec![f64::INFINITY; subjects.len()];
    for option in 0..options {
        // What does not depend on the choice goes with the first option.
        let of = |subject: &Subject| option_of(&subject.live, split).unwrap_or(0);
        let (places, members): (Vec<usize>, Vec<&Subject>) =
            subjects.iter().enumerate().filter(|(_, subject)| of(subject) == option).unzip();
        if members.is_empty() {
            continue;
        }
        let mut draw = 0;
        let params = further.trained(&format!("option {} of {options}", option + 1), |_| {
            let last = draw + DRAWS;
            loop {
                let path = further.path(draw);
                draw += 1;
                if option_of(&path, split) == Some(option) || draw == last {
                    return path;
                }
            }
        })?;
        for (place, score) in places.into_iter().zip(further.judged(&params, &members)?) {
            scores[place] = score;
        }
    }
    Ok(scores)
}

/// The first choice of one alternative among several that every architecture makes.
fn split(space: &Space) -> Option<ChoiceId> {
    let nothing = Architecture::new(vec![None; space.choices().len()]);
    let is_split = |(id, choice): &(ChoiceId, &nasrec_compiler::ir::Choice)| {
        let offer = &choice.offer;
        offer.word() == Word::Choose
            && matches!(offer.takes(), Takes::One)
            && offer.positions() > 1
            && space.exists(&nothing, *id)
    };
    space
        .choices()
        .iter()
        .enumerate()
        .map(|(at, choice)| (ChoiceId(at as u32), choice))
        .find(is_split)
        .map(|(id, _)| id)
}

fn option_of(architecture: &Architecture, split: ChoiceId) -> Option<u32> {
    match architecture.made().get(split.0 as usize) {
        Some(Some(Made::One(option))) => Some(*option),
        _ => None,
    }
}
