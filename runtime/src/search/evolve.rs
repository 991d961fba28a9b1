//! Regularised evolution (Real et al., AAAI 2019) and random search, written so that what is evaluated next is a
//! function of what was evaluated before: a journal read again gives the same search.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use nasrec_compiler::Architecture;
use nasrec_compiler::recipe::{Method, Paths};
use rand::RngExt;

use super::candidate::Judge;
use super::fit::Workshop;
use super::job::Job;
use super::journal::{Entry, Figures, Journal};
use crate::data::Dataset;
use crate::supernet::Store;
use crate::{Error, Result, Stage};

/// An evaluated architecture.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub index: u64,
    pub architecture: Architecture,
    pub figures: Figures,
}

/// Draws before a space counts as seen: architectures that were evaluated already are drawn again.
const MAX_DRAWS: usize = 1000;

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
    let mut searching = Searching { job, judge: &judge, journal, seen: HashSet::new(), all: Vec::new(), shop };
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
    shop: Workshop<'a>,
}

impl Searching<'_> {
    fn run(&mut self, first: u64) -> Result<()> {
        let Paths::SingleOperatorAnyConnection { counts } = self.job.recipe.train.paths;
        let streams = self.job.streams();
        for index in 0..first {
            let mut rng = streams.rng("search/first", index);
            let Some(architecture) = self.unseen(|job| job.space.sample(counts, &mut rng))? else {
                return self.exhausted();
            };
            self.evaluate(architecture, 0, None)?;
        }
        let Method::Evolve { generations, children, tournament, .. } = self.job.recipe.method else { return Ok(()) };
        let mut population: VecDeque<Candidate> = self.all.iter().cloned().collect();
        for generation in 0..generations {
            let mutations = (generations - generation) / (generations / 5).max(20) + 1;
            let mut born = Vec::new();
            for child in 0..children as u64 {
                let mut rng = streams.rng("search/children", generation * children as u64 + child);
                let parent = best_of(tournament, &population, &mut rng).clone();
                let mutate = |job: &Job| job.space.mutate(&parent.architecture, mutations, counts, &mut rng);
                let Some(architecture) = self.unseen(mutate)? else { return self.exhausted() };
                born.push(self.evaluate(architecture, generation + 1, Some(parent.index))?);
            }
            population.extend(born);
            population.drain(..children.min(population.len() - 1));
        }
        Ok(())
    }

    /// Draws until the live architecture is a new one within the limits. `None` where all that is drawn was seen.
    fn unseen(&mut self, mut draw: impl FnMut(&Job) -> Architecture) -> Result<Option<Architecture>> {
        let limits = &self.job.recipe.require;
        let mut too_costly: Option<u64> = None;
        for _ in 0..MAX_DRAWS {
            let drawn = draw(self.job);
            if let Some(limit) = limits.first() {
                let plan = self.job.plan(&drawn)?;
                if !limits.iter().all(|limit| limit.admits(&plan)) {
                    let cost = limit.cost.of(&plan);
                    too_costly = Some(too_costly.map_or(cost, |least| least.min(cost)));
                    continue;
                }
            }
            let canonical = self.job.canonical(&drawn)?;
            if self.seen.insert(canonical) {
                return Ok(Some(drawn));
            }
        }
        match (too_costly, limits.first()) {
            // Nothing was found at all: that is a mistake in the limits, not the end of the space.
            (Some(least), Some(limit)) if self.all.is_empty() => {
                let wanted: Vec<String> =
                    limits.iter().map(|limit| format!("{} <= {}", limit.cost.words(), limit.at_most)).collect();
                Err(Error::Invalid(format!(
                    "none of {MAX_DRAWS} architectures drawn meets `require {}`; the least {} among them was {least}",
                    wanted.join(", "),
                    limit.cost.words()
                )))
            }
            _ => Ok(None),
        }
    }

    fn exhausted(&self) -> Result<()> {
        let count = self.all.len();
        self.shop.observer.say(&format!("no new architecture in {MAX_DRAWS} draws: {count} were all that was found"));
        Ok(())
    }

    /// Evaluates, or takes from the journal what was evaluated before.
    fn evaluate(&mut self, architecture: Architecture, generation: u64, parent: Option<u64>) -> Result<Candidate> {
        let index = self.all.len() as u64;
        let canonical = self.job.canonical(&architecture)?;
        let known = self.journal.entries().iter().find_map(|entry| match entry {
            Entry::Candidate { index: at, architecture, figures, .. } if *at == index => {
                Some((architecture.clone(), *figures))
            }
            _ => None,
        });
        let figures = match known {
            Some((recorded, figures)) if recorded == canonical => figures,
            Some(_) => {
                return Err(Error::Invalid(format!(
                    "the journal's candidate {index} is not the one that this search comes to: \
                     the directory belongs to another version, or was changed"
                )));
            }
            None => {
                self.shop.stop.check()?;
                let start = Instant::now();
                let plan = self.job.plan(&architecture)?;
                let macs = plan.macs();
                let figures = self.judge.evaluate(plan)?;
                let seconds = start.elapsed().as_secs_f64();
                let architecture = canonical;
                self.journal.append(Entry::Candidate {
                    index,
                    generation,
                    parent,
                    architecture,
                    macs,
                    figures,
                    seconds,
                })?;
                figures
            }
        };
        let candidate = Candidate { index, architecture, figures };
        self.all.push(candidate.clone());
        let best = self.all.iter().map(|c| c.figures.rank()).fold(f64::INFINITY, f64::min);
        self.shop.observer.progress(index + 1, &format!("best log loss {best:.4}"));
        Ok(candidate)
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
