//! Asks a strategy for candidates, evaluates them and tells it how good they are. What is asked for next is a function
//! of what was evaluated before: a journal read again gives the same search, whatever the strategy.

use std::time::Instant;
use std::vec::IntoIter;

use nasrec_compiler::Architecture;
use nasrec_compiler::format::named;
use nasrec_compiler::plan::Plan;

use super::strategies::{Attempt, Candidate, History, Proposal, Strategy};
use super::unseen::{Selected, Unseen};
use crate::error::RunError;
use crate::run::{Entry, Job, Journal};
use crate::train::Figures;
use crate::{Observer, Result, Stage};

/// Says how good candidates are.
pub(super) trait Evaluate {
    /// How many are evaluated together at most: what bounds their memory, and what a kill loses.
    fn together(&self) -> usize;

    /// The figures of no more candidates than that. `first`: the index of the first of them.
    fn figures(&mut self, first: u64, plans: &[Plan], journal: &mut Journal) -> Result<Vec<Figures>>;
}

/// Searches the space with a strategy that asks and is told; all candidates in the order of their evaluation.
pub(super) fn search(
    job: &Job,
    evaluate: &mut dyn Evaluate,
    journal: &mut Journal,
    observer: &dyn Observer,
    strategy: &mut dyn Strategy,
) -> Result<Vec<Candidate>> {
    observer.begin(Stage { name: "search".into(), total: strategy.budget(), unit: "candidates" });
    let mut searching = Searching::new(job, evaluate, journal, observer);
    let result = searching.run(strategy);
    let all = searching.all;
    observer.end();
    result.map(|()| all)
}

/// What the journal holds of a candidate.
struct Recorded {
    architecture: Architecture,
    macs: u64,
    figures: Figures,
}

struct Searching<'a> {
    job: &'a Job,
    evaluate: &'a mut dyn Evaluate,
    journal: &'a mut Journal,
    observer: &'a dyn Observer,
    unseen: Unseen<'a>,
    all: Vec<Candidate>,
    /// What the journal held when the search began, and the search has not come to yet.
    recorded: IntoIter<Recorded>,
    best: f64,
}

impl<'a> Searching<'a> {
    fn new(job: &'a Job, evaluate: &'a mut dyn Evaluate, journal: &'a mut Journal, observer: &'a dyn Observer) -> Self {
        let recorded = journal.entries().iter().filter_map(|entry| match entry {
            Entry::Candidate { architecture, macs, figures, .. } => {
                Some(Recorded { architecture: architecture.clone(), macs: *macs, figures: *figures })
            }
            _ => None,
        });
        let recorded = recorded.collect::<Vec<_>>().into_iter();
        let unseen = Unseen::new(job, observer);
        Self { job, evaluate, journal, observer, unseen, all: Vec::new(), recorded, best: f64::INFINITY }
    }

    /// Generation after generation, until the strategy wants none or the space is seen.
    fn run(&mut self, strategy: &mut dyn Strategy) -> Result<()> {
        for generation in 0u64.. {
            let start = self.all.len();
            let size = strategy.candidates(&History::new(self.job, generation, &self.all));
            if size == 0 {
                break;
            }
            let whole = self.generation(strategy, generation, size)?;
            strategy.tell(&self.all[start..]);
            if !whole {
                break;
            }
        }
        Ok(())
    }

    /// Asks for a generation and evaluates it; whether the space had as many candidates.
    fn generation(&mut self, strategy: &mut dyn Strategy, generation: u64, size: u64) -> Result<bool> {
        let start = self.all.len();
        let from = self.all.iter().filter(|candidate| candidate.generation > 0).count() as u64;
        let mut waiting = Vec::new();
        for place in 0..size {
            // What is drawn does not depend on how siblings did: some are evaluated by now, so that few plans are held.
            let history = History::new(self.job, generation, &self.all[..start]);
            let found = asked(self.job, &mut self.unseen, strategy, &history, from + place)?;
            let Some((selected, plan)) = found else {
                self.evaluate_together(generation, waiting)?;
                return Ok(false);
            };
            match self.recorded.next() {
                Some(recorded) => self.recall(generation, selected, recorded)?,
                None => waiting.push((selected, plan)),
            }
            if waiting.len() == self.evaluate.together() {
                self.evaluate_together(generation, std::mem::take(&mut waiting))?;
            }
        }
        self.evaluate_together(generation, waiting)?;
        Ok(true)
    }

    /// A candidate that the journal holds.
    fn recall(&mut self, generation: u64, selected: Selected, recorded: Recorded) -> Result<()> {
        if recorded.architecture != selected.canonical {
            return Err(RunError::OtherSearch { candidate: self.all.len() }.into());
        }
        self.add(generation, selected, recorded.macs, recorded.figures);
        Ok(())
    }

    /// Evaluates candidates that the journal does not hold, and adds all of them to it.
    fn evaluate_together(&mut self, generation: u64, waiting: Vec<(Selected, Plan)>) -> Result<()> {
        if waiting.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let (selected, plans): (Vec<Selected>, Vec<Plan>) = waiting.into_iter().unzip();
        let figures = self.evaluate.figures(self.all.len() as u64, &plans, self.journal)?;
        // What was done for all is shared out evenly.
        let seconds = start.elapsed().as_secs_f64() / plans.len() as f64;
        for ((selected, plan), figures) in selected.into_iter().zip(&plans).zip(figures) {
            let macs = plan.macs();
            self.journal.append(Entry::Candidate {
                index: self.all.len() as u64,
                generation,
                parent: selected.proposal.parent,
                choices: named(self.job.space.choices(), &selected.canonical),
                architecture: selected.canonical.clone(),
                macs,
                figures,
                seconds,
            })?;
            self.add(generation, selected, macs, figures);
        }
        Ok(())
    }

    /// The next candidate, among all and shown.
    fn add(&mut self, generation: u64, selected: Selected, macs: u64, figures: Figures) {
        let Selected { proposal: Proposal { architecture, parent }, canonical: live } = selected;
        let index = self.all.len() as u64;
        self.all.push(Candidate { index, generation, parent, architecture, live, macs, figures });
        self.best = self.best.min(figures.rank());
        self.observer.progress(index + 1, &format!("best log loss {:.4}", self.best));
    }
}

/// What a strategy proposes for the candidate of this number in its generation, or after the first, of all that follow.
fn asked(
    job: &Job,
    unseen: &mut Unseen<'_>,
    strategy: &mut dyn Strategy,
    history: &History<'_>,
    number: u64,
) -> Result<Option<(Selected, Plan)>> {
    let streams = job.streams();
    // The first has a stream of its own, so that its size moves no draw of those that follow.
    let stream = if history.generation() == 0 { "search/first" } else { "search/children" };
    let mut rng = streams.rng(stream, number);
    let mut within = streams.rng(&format!("{stream}/within"), number);
    unseen.next(history.evaluated(), &mut within, |tries| strategy.ask(history, Attempt { tries, rng: &mut rng }))
}

/// The plans of the first candidates that a strategy proposes one by one without having been told anything: what a search by it begins
/// with. Fewer where the space has no more.
pub(super) fn first(
    job: &Job,
    strategy: &mut dyn Strategy,
    many: u64,
    observer: &dyn Observer,
) -> Result<Vec<(Architecture, Plan)>> {
    let mut unseen = Unseen::new(job, observer);
    let mut plans = Vec::new();
    for generation in 0..many {
        let history = History::new(job, generation, &[]);
        let found = asked(job, &mut unseen, strategy, &history, generation.saturating_sub(1))?;
        let Some((selected, plan)) = found else { break };
        plans.push((selected.canonical, plan));
    }
    Ok(plans)
}

#[cfg(test)]
mod tests;
