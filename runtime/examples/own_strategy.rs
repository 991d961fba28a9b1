//! A strategy of one's own: `cargo run --release -p nasrec-runtime --example own_strategy`. It climbs: each candidate is
//! one mutation away from the best so far, and further where all of those are known.

#![allow(clippy::print_stdout, reason = "an example prints what it found")]

use nasrec_compiler::format::named;
use nasrec_compiler::loader::Memory;
use nasrec_compiler::{ItemKind, Program};
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::run::{Job, Origin, Run};
use nasrec_runtime::search::strategies::{Attempt, History, Proposal};
use nasrec_runtime::search::{Strategy, search_by};
use nasrec_runtime::{Silent, Stop};

const SEARCH: &str = "import \"nasrec_small.nasrec\" { nasrec_small }
schema clicks { label click; dense I[1..3]; sparse C[1..4]: int | modulo(rows: 40) }
search own on nasrec_small(blocks: 2, dim: 8, counts: [4, 6], widths: [8, 16, 24]) with clicks {
  data { synthetic { rows: 20_000 } }
  evaluate { finetune: head(steps: 10, lr: 0.04) }; retrain { top: 1 }
}";

struct HillClimber;

impl Strategy for HillClimber {
    fn candidates(&mut self, history: &History<'_>) -> u64 {
        u64::from(history.generation() < 24)
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        let Some(best) = history.best() else {
            return Proposal { architecture: history.sample(attempt.rng), parent: None };
        };
        let architecture = history.mutate(&best.architecture, 1 + attempt.tries as u64 / 100, attempt.rng);
        Proposal { architecture, parent: Some(best.index) }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (program, found) = Program::load("own.nasrec", &Memory::new([("own.nasrec", SEARCH)]));
    let search = program.search(&program.visible(ItemKind::Search)[0], &[]);
    let job = Job::new(&search.map_err(|more| format!("{found:?} {more:?}"))?, ".")?;
    let folder = tempfile::tempdir()?;
    let origin = Origin { program: &program, search: "own", settings: &[] };
    let run = Run::start(&folder.path().join("run"), job, origin)?;
    let report = search_by(&run, &Tiled::new(2)?, &Silent, &Stop::new(), None, &mut HillClimber)?;
    let best = &report.best[0];
    println!("the best of {} candidates: log loss {:.4}", report.candidates, best.validation.rank());
    let values = best.architecture.iter().flat_map(|best| named(run.job().space.choices(), best));
    values.for_each(|(name, value)| println!("  {name}: {value}"));
    Ok(())
}
