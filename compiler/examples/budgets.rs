//! What budgets do to a search before it trains: `cargo run --release -p nasrec-compiler --example budgets -- [BUDGETS]`.
//!
//! Over four spaces that ship, so many budgets that allow something and as many that allow nothing: of macs, of dense
//! parameters, of both. Each is a search that is checked as `nasrecc check` does; where it is sound, it comes to its first
//! candidate as a search does: by drawing again, then by a walk. Then what a walk draws is held against what drawing again
//! draws, where that takes long.

#![allow(clippy::print_stdout, reason = "a study prints what it found")]

use std::collections::BTreeMap;
use std::time::Instant;

use nasrec_compiler::loader::Memory;
use nasrec_compiler::plan::{Cost, Costs};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::{End, Standing};
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Program, Space};
use rand::{Rng, RngExt};

const SPACES: [&str; 4] = ["nasrec_small", "nasrec_full", "interactions", "autoctr"];
/// As a search has them.
const COUNTS: Counts = Counts::Binomial(0.5);
/// Draws before a walk is taken, as in a search.
const REJECTED: u64 = 200;
/// Draws of either kind that are compared.
const COMPARED: u64 = 500;

fn main() {
    let all = std::env::args().nth(1).map_or(1_000, |text| text.parse().expect("a number"));
    let each = (all / SPACES.len()).max(1) as u64;
    println!("over criteo, {each} budgets of each kind for each space");
    for name in SPACES {
        let study = Study::new(name);
        let mut could = Outcomes::default();
        let mut could_not = Outcomes::default();
        for index in 0..each {
            let mut rng = Streams::new(1).rng(name, index);
            could.add(study.tried(&study.satisfiable(index, &mut rng), index));
            could_not.add(study.tried(&study.unsatisfiable(index, &mut rng), index));
        }
        println!(
            "{name}\n  something is allowed: {could}\n  nothing is allowed:   {could_not}\n  {}",
            study.compared()
        );
    }
}

/// A space with what its costs can be.
struct Study {
    name: &'static str,
    free: Space,
    ends: BTreeMap<Cost, (u64, u64)>,
}

/// What came of one budget.
struct Tried {
    seconds: f64,
    came: Came,
}

enum Came {
    /// To a first candidate that is allowed, by a draw or by a walk.
    Began(&'static str),
    /// To a finding that says why nothing is.
    Refused,
    /// To neither.
    Neither(String),
}

impl Study {
    fn new(name: &'static str) -> Self {
        let free = space(name, "").expect("it is sound");
        let end =
            |cost, end| free.extreme(cost, end).expect("something is allowed").witness.expect("one was met").value;
        let ends = [Cost::Macs, Cost::DenseParams].map(|cost| (cost, (end(cost, End::Least), end(cost, End::Most))));
        Self { name, ends: ends.into(), free }
    }

    /// A number between the ends of a cost, as likely in any power of two.
    fn between(&self, cost: Cost, rng: &mut impl Rng) -> u64 {
        let (least, most) = self.ends[&cost];
        let (a, b) = ((least as f64).ln(), (most as f64).ln());
        ((a + (b - a) * rng.random::<f64>()).exp() as u64).clamp(least, most)
    }

    fn satisfiable(&self, index: u64, rng: &mut impl Rng) -> String {
        match index % 3 {
            0 => format!("macs <= {}", self.between(Cost::Macs, rng)),
            1 => format!("params.dense <= {}", self.between(Cost::DenseParams, rng)),
            _ => {
                // What an architecture costs that keeps to a budget of its macs.
                let within = space(self.name, &format!("require macs <= {}", self.between(Cost::Macs, rng)));
                let within = within.expect("something is allowed");
                let Standing::Allowed(start) = within.standing() else { panic!("something is allowed") };
                let costs = costs(&self.free, &within.walk(COUNTS).draw(&start, rng));
                format!("macs <= {}, params.dense <= {}", costs.macs, costs.dense_params)
            }
        }
    }

    fn unsatisfiable(&self, index: u64, rng: &mut impl Rng) -> String {
        let below = |cost: Cost, rng: &mut dyn Rng| rng.random_range(0..self.ends[&cost].0);
        match index % 4 {
            0 => format!("macs <= {}", below(Cost::Macs, rng)),
            1 => format!("params.dense <= {}", below(Cost::DenseParams, rng)),
            2 => format!(
                "macs <= {}, params.dense >= {}",
                self.between(Cost::Macs, rng),
                self.ends[&Cost::DenseParams].1 + 1
            ),
            _ => {
                // More parameters than any architecture has that keeps to a budget of its macs.
                let most = self.between(Cost::Macs, rng);
                let within = space(self.name, &format!("require macs <= {most}")).expect("something is allowed");
                let proved = within.extreme(Cost::DenseParams, End::Most).expect("something is allowed").proved;
                format!("macs <= {most}, params.dense >= {}", proved + 1)
            }
        }
    }

    /// What a search with this budget does until it has a first candidate.
    fn tried(&self, budget: &str, index: u64) -> Tried {
        let start = Instant::now();
        let came = match space(self.name, &format!("require {budget}")) {
            Err(why) if why.starts_with("no architecture") => Came::Refused,
            Err(why) => Came::Neither(format!("{budget}: {why}")),
            Ok(space) => match space.standing() {
                Standing::Allowed(start) => {
                    let (how, first) = first(&space, &start, index);
                    let allowed = space.broken(&first, Some(costs(&space, &first))).is_none();
                    if allowed { Came::Began(how) } else { Came::Neither(format!("{budget}: {first:?}")) }
                }
                Standing::Empty(_, proof) => Came::Neither(format!("{budget}: {proof}, after it was checked")),
                Standing::Open(tried) => Came::Neither(format!("{budget}: {tried}")),
            },
        };
        Tried { seconds: start.elapsed().as_secs_f64(), came }
    }

    /// How far what a walk draws is from what drawing again draws, of a budget that one draw in a hundred keeps to.
    fn compared(&self) -> String {
        let mut macs: Vec<u64> = (0..2_000)
            .map(|index| costs(&self.free, &self.free.sample(COUNTS, &mut Streams::new(2).rng("free", index))).macs)
            .collect();
        macs.sort_unstable();
        let most = macs[macs.len() / 100];
        let space = space(self.name, &format!("require macs <= {most}")).expect("something is allowed");
        // The worst start: the cheapest of all.
        let cheapest = space.extreme(Cost::Macs, End::Least).and_then(|least| least.witness).expect("one was met");
        let mut walk = space.walk(COUNTS);
        let mut by_walk: Vec<u64> = (0..COMPARED)
            .map(|index| walk.draw(&cheapest.architecture, &mut Streams::new(3).rng("walk", index)))
            .map(|drawn| costs(&space, &drawn).macs)
            .collect();
        let mut again: Vec<u64> = (0..)
            .map(|index| costs(&space, &space.sample(COUNTS, &mut Streams::new(4).rng("again", index))).macs)
            .filter(|macs| *macs <= most)
            .take(COMPARED as usize)
            .collect();
        by_walk.sort_unstable();
        again.sort_unstable();
        let below =
            |sorted: &[u64], value| sorted.partition_point(|known| *known <= value) as f64 / sorted.len() as f64;
        let values = by_walk.iter().chain(&again);
        let apart = values.map(|&value| (below(&by_walk, value) - below(&again, value)).abs()).fold(0.0, f64::max);
        // What two samples of one distribution exceed once in a hundred times (Kolmogorov and Smirnov).
        let chance = 1.63 * (2.0 / COMPARED as f64).sqrt();
        let median = |sorted: &[u64]| sorted[sorted.len() / 2];
        format!(
            "macs <= {most}: {COMPARED} walks from the cheapest, of {} macs, have a median of {} macs, as many that are \
             drawn again {}; distributions are {apart:.3} apart ({chance:.3} by chance, one time in a hundred)",
            cheapest.value,
            median(&by_walk),
            median(&again)
        )
    }
}

/// The first candidate of a search.
fn first(space: &Space, start: &Architecture, index: u64) -> (&'static str, Architecture) {
    let mut rng = Streams::new(5).rng("first", index);
    let drawn = (0..REJECTED).map(|_| space.sample(COUNTS, &mut rng));
    let allowed = |drawn: &Architecture| space.broken(drawn, Some(costs(space, drawn))).is_none();
    match drawn.into_iter().find(allowed) {
        Some(drawn) => ("by a draw", drawn),
        None => ("by a walk", space.walk(COUNTS).draw(start, &mut rng)),
    }
}

fn costs(space: &Space, architecture: &Architecture) -> Costs {
    space.costs(architecture).expect("it is complete")
}

/// The space of a search that asks for this; or why there is none.
fn space(name: &str, require: &str) -> Result<Space, String> {
    let text = format!(
        "import \"{name}.nasrec\" {{ {name} }}\nimport \"schemas.nasrec\" {{ criteo }}\n\
         search s on {name} with criteo {{ data {{ files: \"day.tsv\" }}\n{require} }}\n"
    );
    let (program, _) = Program::load("budget.nasrec", &Memory::new([("budget.nasrec", text)]));
    let item = program.find(ItemKind::Search, "s").ok_or("there is no search")?;
    let found = program.search(&item, &[]).map_err(|found| found[0].message.clone())?;
    Space::bind(&found.space, &found.schema).map_err(|unbound| unbound.to_string())
}

/// What came of budgets of one kind.
#[derive(Default)]
struct Outcomes {
    began: BTreeMap<&'static str, usize>,
    refused: usize,
    seconds: Vec<f64>,
    neither: Vec<String>,
}

impl Outcomes {
    fn add(&mut self, tried: Tried) {
        self.seconds.push(tried.seconds);
        match tried.came {
            Came::Began(how) => *self.began.entry(how).or_default() += 1,
            Came::Refused => self.refused += 1,
            Came::Neither(why) => self.neither.push(why),
        }
    }
}

impl std::fmt::Display for Outcomes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        let (all, late) = (seconds.len(), seconds.iter().filter(|seconds| **seconds > 1.0).count());
        let began = self.began.iter().map(|(how, count)| format!("{count} {how}")).collect::<Vec<_>>().join(", ");
        let began = if began.is_empty() { "0".to_owned() } else { began };
        write!(f, "{all}: began {began}; refused with a proof {}; neither {}", self.refused, self.neither.len())?;
        let (median, most) = (seconds[all / 2], seconds[all - 1]);
        write!(f, "; {:.0} ms median, {:.0} ms at most, {late} over a second", 1e3 * median, 1e3 * most)?;
        self.neither.iter().take(3).try_for_each(|why| write!(f, "\n    {why}"))
    }
}
