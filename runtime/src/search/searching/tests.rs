//! Searches in which nothing is trained: a hash of the plan decides how good a candidate is.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Mutex;

use nasrec_compiler::ir::Made;
use nasrec_compiler::loader::Memory;
use nasrec_compiler::{ItemKind, Program};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::search::candidate::TOGETHER;
use crate::search::strategies::{Evolution, MAX_TRIES, Random};

/// Eight switches, so 256 architectures, no two of which cost the same.
const SWITCHES: &str = "schema clicks { label click; dense I[1..3] }
space switches {
  input numeric: dense
  SWITCHES
  logit = linear(linear(numeric, 4) + a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7, 1)
}
search s on switches with clicks {
  data { synthetic { rows: 1_000 } }
  REQUIRE
}";

fn job(seed: u64, require: &str) -> Job {
    let switch = |i: u32| format!("let a{i} = maybe linear(linear(numeric, {}), 4)", 1 << i);
    let switches: Vec<String> = (0..8).map(switch).collect();
    let text = SWITCHES.replace("SWITCHES", &switches.join("\n  ")).replace("REQUIRE", require);
    let mut job = begun(text).expect("something is allowed");
    job.recipe.seed = seed;
    job
}

/// The job of the one search of a text that has no mistakes.
fn begun(text: String) -> Result<Job> {
    let (program, found) = Program::load("switches.nasrec", &Memory::new([("switches.nasrec", text)]));
    assert!(found.is_empty(), "{found:#?}");
    let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("a sound search");
    Job::new(&search, ".")
}

/// What is said and nothing else.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Observer for Said {
    fn begin(&self, _: Stage) {}
    fn progress(&self, _: u64, _: &str) {}
    fn end(&self) {}
    fn say(&self, line: &str) {
        self.0.lock().expect("no panic").push(line.to_owned());
    }
}

struct Ended {
    candidates: Vec<Candidate>,
    /// Without the time that each took.
    journal: Vec<Entry>,
    said: Vec<String>,
    /// How many candidates were evaluated at once, each time.
    together: Vec<usize>,
}

/// A hash of the plan is how good it is.
#[derive(Default)]
struct Hashes {
    together: Vec<usize>,
}

impl Evaluate for Hashes {
    fn together(&self) -> usize {
        TOGETHER
    }

    fn figures(&mut self, _: u64, plans: &[Plan], _: &mut Journal) -> Result<Vec<Figures>> {
        self.together.push(plans.len());
        let loss = |plan: &Plan| u64::from_str_radix(&plan.hash()[..8], 16).map_or(0.0, |hash| hash as f64);
        let figures = |plan| Figures {
            log_loss: Some(loss(plan)),
            auc: None,
            group_auc: None,
            calibration_error: None,
            normalised_entropy: None,
            calibration: None,
            accuracy: 0.0,
            samples: 1,
            alike: false,
            calibrated: None,
        };
        Ok(plans.iter().map(figures).collect())
    }
}

/// A search that goes on from these entries of a journal.
fn searched(job: &Job, strategy: &mut dyn Strategy, journal: &[Entry]) -> Result<Ended> {
    let folder = tempfile::tempdir().expect("a folder");
    let said = Said::default();
    let mut open = Journal::open(&folder.path().join("journal.jsonl"), "run", "cpu", &said)?;
    for entry in journal {
        open.append(entry.clone())?;
    }
    let mut hashes = Hashes::default();
    let mut searching = Searching::new(job, &mut hashes, &mut open, &said);
    searching.run(strategy)?;
    let candidates = searching.all;
    // What the search wrote itself.
    let mut journal = open.entries()[1..].to_vec();
    for entry in &mut journal {
        if let Entry::Candidate { seconds, .. } = entry {
            *seconds = 0.0;
        }
    }
    Ok(Ended { candidates, journal, said: said.0.into_inner().expect("no panic"), together: hashes.together })
}

/// Remembers what it is told, and looks around the best of that.
#[derive(Default)]
struct Climber {
    best: Option<Candidate>,
}

impl Strategy for Climber {
    fn candidates(&mut self, history: &History<'_>) -> u64 {
        if history.generation() < 12 { 3 } else { 0 }
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        let Some(best) = &self.best else {
            return Proposal { architecture: history.sample(attempt.rng), parent: None };
        };
        let times = 1 + attempt.tries as u64 / 50;
        Proposal { architecture: history.mutate(&best.architecture, times, attempt.rng), parent: Some(best.index) }
    }

    fn tell(&mut self, evaluated: &[Candidate]) {
        let all = self.best.iter().chain(evaluated);
        self.best = all.min_by(|a, b| a.figures.rank().total_cmp(&b.figures.rank())).cloned();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Wherever the journal ends, and whether a strategy looks at the history or remembers what it was told.
    #[test]
    fn a_journal_read_again_gives_the_same_search(
        seed in any::<u64>(), which in 0..3, population in 1usize..24, children in 1usize..20, cut in 0.0..1.0,
    ) {
        let job = job(seed, "");
        let strategy = || -> Box<dyn Strategy> {
            match which {
                0 => Box::new(Evolution { population, generations: 6, children, tournament: 4 }),
                1 => Box::new(Random { samples: population as u64 }),
                _ => Box::new(Climber::default()),
            }
        };
        let whole = searched(&job, &mut *strategy(), &[]).expect("a search");
        let kept = (cut * whole.journal.len() as f64) as usize;
        let again = searched(&job, &mut *strategy(), &whole.journal[..kept]).expect("the rest of it");
        prop_assert_eq!(&again.journal, &whole.journal);
        prop_assert_eq!(&again.candidates, &whole.candidates);
        prop_assert_eq!(again.together.iter().sum::<usize>(), whole.journal.len() - kept);

        prop_assert!(whole.together.iter().all(|&plans| plans <= TOGETHER));
        let form = |found: &Candidate| job.space.canonical(&found.architecture).expect("a plan");
        let forms: HashSet<_> = whole.candidates.iter().map(form).collect();
        prop_assert_eq!(forms.len(), whole.candidates.len(), "nothing is evaluated twice");
    }
}

/// Looks on while random draws are made.
#[derive(Default)]
struct Witness {
    told: Vec<Candidate>,
}

impl Strategy for Witness {
    fn candidates(&mut self, history: &History<'_>) -> u64 {
        [3, 20, 5, 0][history.generation() as usize]
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        assert_eq!(history.evaluated(), self.told, "what is known is what was told, however many siblings there are");
        let best = self.told.iter().min_by(|a, b| a.figures.rank().total_cmp(&b.figures.rank()));
        assert_eq!(history.best(), best);
        Proposal { architecture: history.sample(attempt.rng), parent: best.map(|best| best.index) }
    }

    fn tell(&mut self, evaluated: &[Candidate]) {
        self.told.extend_from_slice(evaluated);
    }
}

#[test]
fn a_strategy_knows_whole_generations() {
    let mut witness = Witness::default();
    let ended = searched(&job(1, ""), &mut witness, &[]).expect("a search");
    assert_eq!(witness.told, ended.candidates);
    assert_eq!(ended.together, [3, 16, 4, 5]);
    let generations: Vec<u64> = ended.candidates.iter().map(|found| found.generation).collect();
    assert_eq!(generations, [vec![0; 3], vec![1; 20], vec![2; 5]].concat());
    assert!(ended.candidates.iter().zip(0..).all(|(found, index)| found.index == index));
    assert!(ended.candidates.iter().all(|found| (found.parent.is_none()) == (found.generation == 0)));
    for (entry, found) in ended.journal.iter().zip(&ended.candidates) {
        let Entry::Candidate { index, generation, parent, choices, macs, .. } = entry else { panic!("{entry:?}") };
        assert_eq!((*index, *generation, *parent, *macs), (found.index, found.generation, found.parent, found.macs));
        assert_eq!(choices.len(), 8);
        assert!(choices.values().all(|value| ["on", "off"].contains(&value.as_str())), "{choices:?}");
    }
}

/// Proposes the architecture without any switch at every attempt before the `patience`-th, then draws.
struct Stubborn {
    patience: usize,
    asked: Cell<usize>,
}

impl Strategy for Stubborn {
    fn candidates(&mut self, history: &History<'_>) -> u64 {
        u64::from(history.generation() < 4)
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        assert_eq!(attempt.tries, self.asked.get(), "attempts are counted for each candidate");
        self.asked.set(attempt.tries + 1);
        let off = Architecture::new(vec![Some(Made::One(0)); history.space().choices().len()]);
        let architecture = if attempt.tries < self.patience { off } else { history.sample(attempt.rng) };
        Proposal { architecture, parent: None }
    }

    fn tell(&mut self, _: &[Candidate]) {
        self.asked.set(0);
    }
}

#[test]
fn a_strategy_is_asked_again_until_the_space_counts_as_seen() {
    let stubborn = |patience| Stubborn { patience, asked: Cell::new(0) };
    assert_eq!(searched(&job(1, ""), &mut stubborn(40), &[]).expect("a search").candidates.len(), 4);
    let ended = searched(&job(1, ""), &mut stubborn(MAX_TRIES), &[]).expect("a search");
    assert_eq!(ended.candidates.len(), 1);
    let why = "the search ends with 1 candidates: of 3000 more that were drawn, 3000 were known and 0 cost too much";
    assert_eq!(ended.said, [why]);
}

#[test]
fn what_is_not_allowed_is_not_evaluated() {
    let limited = job(1, "require macs <= 200");
    let ended = searched(&limited, &mut Random { samples: 300 }, &[]).expect("a search");
    assert!(ended.candidates.iter().all(|found| found.macs <= 200));
    assert!(ended.candidates.len() > 1 && ended.candidates.len() < 256, "{}", ended.candidates.len());
    assert!(ended.said[0].starts_with("the search ends with"), "{:?}", ended.said);
}

/// The architectures that a budget allows, by going through all of them.
fn allowed(job: &Job) -> HashSet<Architecture> {
    let all = (0u32..256).map(|bits| Architecture::new((0..8).map(|i| Some(Made::One(bits >> i & 1))).collect()));
    let costs = |made: &Architecture| job.space.costs(made).expect("it is complete");
    all.filter(|made| job.space.broken(made, Some(costs(made))).is_none()).collect()
}

#[test]
fn of_a_tight_budget_all_is_found_that_it_allows() {
    // Of 256, the one without a switch, then those with the cheapest few.
    for (most, count) in [(16, 1), (30, 2), (44, 3), (58, 4), (100, 6)] {
        let job = job(5, &format!("require macs <= {most}"));
        let allowed = allowed(&job);
        assert!(allowed.len() >= count, "{most}: {}", allowed.len());
        let evolution = Evolution { population: 4, generations: 20, children: 2, tournament: 2 };
        let strategies: [Box<dyn Strategy>; 2] = [Box::new(Random { samples: 300 }), Box::new(evolution)];
        for mut strategy in strategies {
            let ended = searched(&job, &mut *strategy, &[]).expect("a search");
            let found: HashSet<Architecture> =
                ended.candidates.iter().map(|found| found.architecture.clone()).collect();
            assert_eq!(found, allowed, "macs <= {most}");
        }
    }
}

/// What rejection comes to soon is drawn as if there were nothing else.
#[test]
fn within_a_wide_budget_what_is_drawn_is_drawn_again_until_it_is_allowed() {
    let job = job(1, "require macs <= 900");
    let ended = searched(&job, &mut Random { samples: 20 }, &[]).expect("a search");
    let mut seen = HashSet::new();
    for (place, found) in (0..).zip(&ended.candidates) {
        let mut rng = job.streams().rng("search/first", place);
        let history = History::new(&job, 0, &[]);
        let again = std::iter::from_fn(|| Some(history.sample(&mut rng)))
            .find(|drawn| {
                let costs = job.space.costs(drawn).expect("it is complete");
                job.space.broken(drawn, Some(costs)).is_none() && !seen.contains(drawn)
            })
            .expect("one is drawn");
        assert_eq!(found.architecture, again);
        seen.insert(again);
    }
}

/// Where neither an architecture is found nor a proof that there is none, that is said before anything is read.
#[test]
fn what_cannot_be_decided_ends_before_anything_is_read() {
    let switch = |i: u32| format!("let a{i} = maybe linear(linear(numeric, {}), 4)", 2 * i + 2);
    let switches: Vec<String> = (0..24).map(switch).collect();
    let sum: Vec<String> = (0..24).map(|i| format!("a{i}")).collect();
    let text = SWITCHES
        .replace("SWITCHES", &switches.join("\n  "))
        .replace("a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7", &sum.join(" + "))
        // All of them cost an even number.
        .replace("REQUIRE", "require macs == 2_001");
    let ended = begun(text).expect_err("nothing is found");
    assert_eq!(ended.code(), "R0226");
    let why = "no architecture of switches was found that meets what is required, `require macs == 2_001`: none of 200 \
               architectures that were drawn is allowed";
    assert!(ended.to_string().starts_with(why), "{ended}");
    assert!(ended.to_string().contains("no architecture costs less than 16 macs"), "{ended}");
}

/// Proposes this.
struct Constant(Architecture);

impl Strategy for Constant {
    fn candidates(&mut self, _: &History<'_>) -> u64 {
        1
    }

    fn ask(&mut self, _: &History<'_>, _: Attempt<'_>) -> Proposal {
        Proposal { architecture: self.0.clone(), parent: None }
    }
}

#[test]
fn what_is_of_another_space_is_refused() {
    let open = vec![None; 8];
    let beyond = vec![Some(Made::One(2)); 8];
    let sets = vec![Some(Made::Set(1)); 8];
    for made in [vec![Some(Made::One(0)); 7], beyond, sets] {
        let refused =
            searched(&job(1, ""), &mut Constant(Architecture::new(made)), &[]).err().expect("not of the space");
        assert!(refused.to_string().contains("is no architecture of switches"), "{refused}");
    }
    let refused = searched(&job(1, ""), &mut Constant(Architecture::new(open)), &[]).err().expect("not decided");
    assert!(refused.to_string().contains("open, which the logit needs"), "{refused}");
}

#[test]
fn evolution_gives_way_to_other_parents_and_at_last_to_the_whole_space() {
    let job = job(3, "");
    let mut evolution = Evolution { population: 10, generations: 5, children: 2, tournament: 10 };
    let first = searched(&job, &mut Evolution { generations: 0, ..evolution }, &[]).expect("a search").candidates;
    assert_eq!(first.len(), 10);
    let history = History::new(&job, 1, &first);
    let mut rng = job.streams().rng("attempts", 0);
    let mut parents = |tries: std::ops::Range<usize>| -> HashSet<Option<u64>> {
        tries.map(|tries| evolution.ask(&history, Attempt { tries, rng: &mut rng }).parent).collect()
    };
    assert_eq!(parents(0..300), HashSet::from([history.best().map(|best| best.index)]));
    assert_eq!(parents(300..1500), (0..10).map(Some).collect());
    assert_eq!(parents(1500..1600), HashSet::from([None]));
}
