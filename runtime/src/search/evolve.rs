//! Regularised evolution (Real et al., AAAI 2019) and random search, written so that what is evaluated next is a
//! function of what was evaluated before: a journal read again gives the same search.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use nasrec_compiler::Architecture;
use nasrec_compiler::recipe::Method;
use rand::RngExt;

use super::candidate::Judge;
use super::fit::Workshop;
use super::job::Job;
use super::journal::{Entry, Figures, Journal};
use crate::data::Dataset;
use crate::supernet::Store;
use crate::{Error, Result, Stage};

/// An architecture that is to be evaluated.
struct Drawn {
    architecture: Architecture,
    generation: u64,
    parent: Option<u64>,
}

/// An evaluated architecture.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub index: u64,
    pub architecture: Architecture,
    pub figures: Figures,
}

/// Draws before a space counts as seen: architectures that were evaluated already are drawn again.
const MAX_DRAWS: usize = 3000;
/// Draws from winners of tournaments, before any member of the population is a parent.
const FEW_DRAWS: usize = 300;
/// Draws from members of the population, before the whole space is drawn from.
const MANY_DRAWS: usize = 1500;
/// Candidates that are evaluated together at most: what bounds their memory, and what a kill loses.
pub(super) const TOGETHER: usize = 16;

/// Searches the space with the weights of its supernet; all candidates, best first.
pub(super) fn search(
    shop: Workshop<'_>,
    job: &Job,
    data: &Arc<Dataset>,
    store: &Store,
    journal: &mut Journal,
) -> Result<Vec<Candidate>> {
    let judge = Judge::new(shop, job, data, store)?;
    let (first, rest) = match job.recipe.method {
        Method::Evolve { population, generations, children, .. } => (population as u64, generations * children as u64),
        Method::Random { samples } => (samples, 0),
    };
    shop.observer.begin(Stage { name: "search".into(), total: Some(first + rest), unit: "candidates" });
    let recorded = journal.entries().iter().filter_map(|entry| match entry {
        Entry::Candidate { architecture, figures, .. } => Some((architecture.clone(), *figures)),
        _ => None,
    });
    let recorded = recorded.collect();
    let (seen, all, best) = (HashSet::new(), Vec::new(), f64::INFINITY);
    let mut searching = Searching { job, judge: &judge, journal, seen, all, recorded, best, shop };
    let result = searching.run(first);
    let all = searching.all;
    shop.observer.end();
    result?;
    let mut ranked = all;
    ranked.sort_by(|a, b| a.figures.rank().total_cmp(&b.figures.rank()).then(a.index.cmp(&b.index)));
    Ok(ranked)
}

struct Searching<'a> {
    job: &'a Job,
    judge: &'a Judge<'a>,
    journal: &'a mut Journal,
    seen: HashSet<Architecture>,
    all: Vec<Candidate>,
    /// What the journal held when the search began, by index.
    recorded: Vec<(Architecture, Figures)>,
    best: f64,
    shop: Workshop<'a>,
}

impl Searching<'_> {
    fn run(&mut self, first: u64) -> Result<()> {
        let counts = self.job.recipe.train.paths.counts();
        let streams = self.job.streams();
        let mut drawn = Vec::new();
        let mut whole = true;
        for index in 0..first {
            let mut rng = streams.rng("search/first", index);
            let Some(architecture) = self.unseen(|job, _| job.space.sample(counts, &mut rng))? else {
                whole = false;
                break;
            };
            drawn.push(Drawn { architecture, generation: 0, parent: None });
        }
        let mut population: VecDeque<Candidate> = self.evaluate(drawn)?.into();
        let Method::Evolve { generations, children, tournament, .. } = self.job.recipe.method else { return Ok(()) };
        for generation in 0..generations {
            if !whole {
                return Ok(());
            }
            let mutations = (generations - generation) / (generations / 5).max(20) + 1;
            // What is drawn depends on the population and on what was drawn before, not on how siblings did: all of a
            // generation are drawn before any is evaluated.
            let mut drawn = Vec::new();
            for child in 0..children as u64 {
                let mut rng = streams.rng("search/children", generation * children as u64 + child);
                let mut parent = None;
                let found = self.unseen(|job, tries| {
                    // A parent whose neighbours are all known gives way to others, and at last to the whole space.
                    let size = match tries {
                        0..FEW_DRAWS => tournament,
                        FEW_DRAWS..MANY_DRAWS => 1,
                        _ => {
                            parent = None;
                            return job.space.sample(counts, &mut rng);
                        }
                    };
                    let best = best_of(size, &population, &mut rng);
                    parent = Some(best.index);
                    job.space.mutate(&best.architecture, mutations, counts, &mut rng)
                })?;
                let Some(architecture) = found else {
                    whole = false;
                    break;
                };
                drawn.push(Drawn { architecture, generation: generation + 1, parent });
            }
            population.extend(self.evaluate(drawn)?);
            population.drain(..children.min(population.len() - 1));
        }
        Ok(())
    }

    /// Draws until the live architecture is a new one within the limits; `draw` is told how often it was asked before.
    /// `None`, and a line that says why, where nothing more is found.
    fn unseen(&mut self, mut draw: impl FnMut(&Job, usize) -> Architecture) -> Result<Option<Architecture>> {
        let space = &self.job.space;
        let constrained = !space.graph().constraints.is_empty();
        let mut meter = space.meter();
        let (mut known, mut costly) = (0usize, 0usize);
        // The constraint that excluded the cheapest, and what that costs.
        let mut nearest: Option<(u64, String)> = None;
        for tries in 0..MAX_DRAWS {
            let drawn = draw(self.job, tries);
            if constrained {
                let costs = meter.costs(&drawn).map_err(|error| Error::Invalid(error.to_string()))?;
                if let Some(broken) = space.broken(&drawn, Some(costs)) {
                    costly += 1;
                    if nearest.as_ref().is_none_or(|(least, _)| costs.macs < *least) {
                        nearest = Some((costs.macs, broken.text.clone()));
                    }
                    continue;
                }
            }
            let canonical = self.job.canonical(&drawn)?;
            if self.seen.insert(canonical) {
                return Ok(Some(drawn));
            }
            known += 1;
        }
        let found = self.seen.len();
        if let (true, Some((least, broken))) = (found == 0, nearest) {
            return Err(Error::Invalid(format!(
                "none of {MAX_DRAWS} architectures drawn meets what is required: `{broken}` excludes even the cheapest \
                 of them, of {least} macs"
            )));
        }
        self.shop.observer.say(&format!(
            "the search ends with {found} candidates: of {MAX_DRAWS} more that were drawn, {known} were known and \
             {costly} cost too much"
        ));
        Ok(None)
    }

    /// Evaluates, or takes from the journal what was evaluated before.
    fn evaluate(&mut self, drawn: Vec<Drawn>) -> Result<Vec<Candidate>> {
        let mut evaluated = Vec::with_capacity(drawn.len());
        let mut left = drawn.into_iter().peekable();
        while let Some(known) = self.recorded.get(self.all.len()).filter(|_| left.peek().is_some()).cloned() {
            evaluated.extend(left.next().map(|drawn| self.recall(drawn, &known)).transpose()?);
        }
        loop {
            let some: Vec<Drawn> = left.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                return Ok(evaluated);
            }
            evaluated.extend(self.evaluate_together(some)?);
        }
    }

    /// A candidate that the journal holds.
    fn recall(&mut self, drawn: Drawn, (recorded, figures): &(Architecture, Figures)) -> Result<Candidate> {
        if *recorded != self.job.canonical(&drawn.architecture)? {
            return Err(Error::Invalid(format!(
                "the journal's candidate {} is not the one that this search comes to: \
                 the directory belongs to another version, or was changed",
                self.all.len()
            )));
        }
        Ok(self.ranked(drawn.architecture, *figures))
    }

    /// Evaluates candidates that the journal does not hold, and adds all of them to it.
    fn evaluate_together(&mut self, drawn: Vec<Drawn>) -> Result<Vec<Candidate>> {
        self.shop.stop.check()?;
        let start = Instant::now();
        let plans = drawn.iter().map(|drawn| self.job.plan(&drawn.architecture)).collect::<Result<Vec<_>>>()?;
        let figures = self.judge.evaluate(&plans)?;
        // What was done for all is shared out evenly.
        let seconds = start.elapsed().as_secs_f64() / drawn.len() as f64;
        let mut evaluated = Vec::with_capacity(drawn.len());
        for ((drawn, plan), figures) in drawn.into_iter().zip(&plans).zip(figures) {
            self.journal.append(Entry::Candidate {
                index: self.all.len() as u64,
                generation: drawn.generation,
                parent: drawn.parent,
                architecture: self.job.canonical(&drawn.architecture)?,
                macs: plan.macs(),
                figures,
                seconds,
            })?;
            evaluated.push(self.ranked(drawn.architecture, figures));
        }
        Ok(evaluated)
    }

    /// The next candidate, among all and shown.
    fn ranked(&mut self, architecture: Architecture, figures: Figures) -> Candidate {
        let candidate = Candidate { index: self.all.len() as u64, architecture, figures };
        self.all.push(candidate.clone());
        self.best = self.best.min(figures.rank());
        self.shop.observer.progress(candidate.index + 1, &format!("best log loss {:.4}", self.best));
        candidate
    }
}

/// The best of some members drawn without replacement.
fn best_of<'a>(size: usize, population: &'a VecDeque<Candidate>, rng: &mut impl rand::Rng) -> &'a Candidate {
    let mut left: Vec<usize> = (0..population.len()).collect();
    let drawn = (0..size.clamp(1, population.len())).map(|_| left.swap_remove(rng.random_range(0..left.len())));
    let best = drawn.min_by(|&a, &b| {
        let (a, b) = (&population[a], &population[b]);
        a.figures.rank().total_cmp(&b.figures.rank()).then(a.index.cmp(&b.index))
    });
    &population[best.unwrap_or(0)]
}
