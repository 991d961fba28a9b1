//! The architectures that are judged, and those that a model learns from: all of them differ, and each that differs is as likely
//! as any other.

use std::cell::Cell;

use nasrec_compiler::Architecture;
use nasrec_compiler::format::named;
use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Counts;

use super::super::strategies::Proposal;
use super::super::unseen::Unseen;
use crate::error::RunError;
use crate::run::{Entry, Job, Journal, Ranking};
use crate::{Observer, Result};

/// An architecture that was drawn.
pub(super) struct Subject {
    pub plan: Plan,
    /// Without what its logit does not depend on.
    pub live: Architecture,
}

/// Draws them, and writes down those that the journal does not hold.
pub(super) fn draw(
    job: &Job,
    ranking: &Ranking,
    journal: &mut Journal,
    observer: &dyn Observer,
) -> Result<Vec<Subject>> {
    let recorded = journal.entries().iter().filter_map(|entry| match entry {
        Entry::Drawn { architecture, .. } => Some(architecture.clone()),
        _ => None,
    });
    let mut recorded = recorded.collect::<Vec<_>>().into_iter();
    let (streams, mut unseen) = (job.streams(), Unseen::new(job, observer));
    let many = ranking.architectures + ranking.others;
    let mut subjects = Vec::with_capacity(many);
    let encodings = Cell::new(false);
    while subjects.len() < many {
        let index = subjects.len() as u64;
        let mut rng = streams.rng("ranking/architectures", index);
        let propose = |_| {
            let architecture = job.space.sample_distinct(&mut rng).unwrap_or_else(|_| {
                encodings.set(true);
                job.space.sample(Counts::Uniform, &mut rng)
            });
            Proposal { architecture, parent: None }
        };
        let found = unseen.next(&[], &mut streams.rng("ranking/architectures/within", index), propose)?;
        let Some((selected, plan)) = found else { break };
        let live = selected.canonical;
        match recorded.next() {
            Some(recorded) if recorded == live => {}
            Some(_) => return Err(RunError::OtherSearch { candidate: subjects.len() }.into()),
            None => journal.append(Entry::Drawn {
                index,
                choices: named(job.space.choices(), &live),
                architecture: live.clone(),
                macs: plan.macs(),
            })?,
        }
        subjects.push(Subject { plan, live });
    }
    if encodings.get() {
        observer.say(
            "the architectures that differ cannot be counted: choices are drawn instead, each uniformly, and what several of them \
             make is likelier",
        );
    }
    if subjects.len() < many {
        let what = format!("the space has {} architectures that differ, and {many} are asked for", subjects.len());
        return Err(RunError::Ranking { what }.into());
    }
    Ok(subjects)
}
