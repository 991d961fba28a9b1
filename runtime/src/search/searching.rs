//! Asks a strategy for candidates, evaluates them and tells it how good they are. What is asked for next is a function
//! of what was evaluated before: a journal read again gives the same search, whatever the strategy.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;
use std::vec::IntoIter;

use nasrec_compiler::Architecture;
use nasrec_compiler::format::named;
use nasrec_compiler::plan::Plan;

use super::candidate::Judge;
use super::fit::Workshop;
use super::strategies::{Attempt, Candidate, History, Proposal, Strategy};
use super::supernet::Supernet;
use super::unseen::{Selected, Unseen};
use crate::backend::Backend;
use crate::data::Dataset;
use crate::error::RunError;
use crate::run::{Entry, Job, Journal};
use crate::train::Figures;
use crate::{Observer, Result, Stage};

/// Candidates that are evaluated together at most: what bounds their memory, and what a kill loses.
pub(super) const TOGETHER: usize = 16;

/// Searches the space with the weights of its supernet; all candidates, best first.
pub(super) fn search<B: Backend>(
    shop: Workshop<'_, B>,
    job: &Job,
    data: &Arc<Dataset>,
    supernet: &Supernet<'_, B>,
    journal: &mut Journal,
    strategy: &mut dyn Strategy,
) -> Result<Vec<Candidate>> {
    let finished = journal.entries().iter().any(|entry| matches!(entry, Entry::Trained { .. }));
    if finished {
        supernet.say_damage()?;
    } else {
        supernet.params()?;
    }
    // Where the journal holds all candidates, neither it nor the supernet is needed.
    let judge = OnceCell::new();
    let evaluate = |plans: &[Plan]| {
        shop.stop.check()?;
        if judge.get().is_none() {
            let _set = judge.set(Judge::new(shop, job, data, supernet.params()?)?);
        }
        judge.get().map_or_else(|| Ok(Vec::new()), |judge| judge.evaluate(plans))
    };
    shop.observer.begin(Stage { name: "search".into(), total: strategy.budget(), unit: "candidates" });
    let mut searching = Searching::new(job, &evaluate, journal, shop.observer);
    let result = searching.run(strategy);
    let mut ranked = searching.all;
    shop.observer.end();
    result?;
    ranked.sort_by(|a, b| a.figures.rank().total_cmp(&b.figures.rank()).then(a.index.cmp(&b.index)));
    Ok(ranked)
}

/// The figures of at most [`TOGETHER`] candidates.
type Evaluate<'a> = &'a dyn Fn(&[Plan]) -> Result<Vec<Figures>>;

/// What the journal holds of a candidate.
struct Recorded {
    architecture: Architecture,
    macs: u64,
    figures: Figures,
}

struct Searching<'a> {
    job: &'a Job,
    evaluate: Evaluate<'a>,
    journal: &'a mut Journal,
    observer: &'a dyn Observer,
    unseen: Unseen<'a>,
    all: Vec<Candidate>,
    /// What the journal held when the search began, and the search has not come to yet.
    recorded: IntoIter<Recorded>,
    best: f64,
}

impl<'a> Searching<'a> {
    fn new(job: &'a Job, evaluate: Evaluate<'a>, journal: &'a mut Journal, observer: &'a dyn Observer) -> Self {
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
        let streams = self.job.streams();
        // The first has a stream of its own, so that its size moves no draw of those that follow.
        let stream = if generation == 0 { "search/first" } else { "search/children" };
        let from = self.all.iter().filter(|candidate| candidate.generation > 0).count() as u64;
        let mut waiting = Vec::new();
        for place in 0..size {
            let mut rng = streams.rng(stream, from + place);
            // What is drawn does not depend on how siblings did: some are evaluated by now, so that few plans are held.
            let history = History::new(self.job, generation, &self.all[..start]);
            let mut within = streams.rng(&format!("{stream}/within"), from + place);
            let ask = |tries| strategy.ask(&history, Attempt { tries, rng: &mut rng });
            let found = self.unseen.next(history.evaluated(), &mut within, ask)?;
            let Some((selected, plan)) = found else {
                self.evaluate_together(generation, waiting)?;
                return Ok(false);
            };
            match self.recorded.next() {
                Some(recorded) => self.recall(generation, selected, recorded)?,
                None => waiting.push((selected, plan)),
            }
            if waiting.len() == TOGETHER {
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
        let figures = (self.evaluate)(&plans)?;
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
        let Proposal { architecture, parent } = selected.proposal;
        let index = self.all.len() as u64;
        self.all.push(Candidate { index, generation, parent, architecture, macs, figures });
        self.best = self.best.min(figures.rank());
        self.observer.progress(index + 1, &format!("best log loss {:.4}", self.best));
    }
}

#[cfg(test)]
mod tests;
