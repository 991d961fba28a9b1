//! Random programs that mean something, and random changes of them.
//!
//! A program is made top down: items, statements, expressions. Each construct of the language is one function in one of
//! the tables `ITEMS`, `STATEMENTS`, `SIZES`, `CONDITIONS`, `DENSE` and `SPARSE`; a new construct is one more function
//! and its line in a table. What is made is sound: every tensor is known with its sizes, as source, so that shapes agree
//! by their normal form, and every path has at most one choice of its own.

#![allow(dead_code, reason = "each test file uses what it needs")]

mod demands;
mod dense;
pub mod files;
mod items;
pub mod mutate;
mod sizes;
mod sparse;
mod statements;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

/// A way to make something, and how often it is taken.
type Table<F> = &'static [(u32, F)];

/// A dense tensor that has a name.
#[derive(Clone)]
struct Dense {
    name: String,
    /// Its width, as source.
    width: String,
}

/// A sparse tensor that has a name.
#[derive(Clone)]
struct Sparse {
    name: String,
    fields: String,
    dim: String,
}

/// A shared call that has a name: what each `_` is to be given, a tensor of this width or this size, and the width of
/// what it makes.
#[derive(Clone)]
struct Shared {
    name: String,
    holes: Vec<(Hole, String)>,
    width: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Hole {
    Dense,
    Size,
}

/// A choice, with the block instance around it and a value.
type Choice = (Option<String>, String, String);

/// What can be used at one place.
#[derive(Clone, Default)]
struct Scope {
    dense: Vec<Dense>,
    sparse: Vec<Sparse>,
    /// Names of sizes.
    sizes: Vec<String>,
    /// Names of widths: multiples of 8 under every choice.
    widths: Vec<String>,
    switches: Vec<String>,
    shared: Vec<Shared>,
    in_operator: bool,
    /// The categorical input.
    categorical: Option<String>,
    /// What `earlier` lists in a block: names of dense and of sparse outputs.
    earlier: Option<(String, Option<String>)>,
    /// Whether the path at hand may still name a choice.
    choice_free: bool,
    /// Whether there may be choices at all.
    open: bool,
}

/// An operator that was made: `name(x: dense, …) -> dense[w]`.
#[derive(Clone)]
struct Op {
    name: String,
    /// It takes a sparse tensor after the dense one.
    takes_sparse: bool,
    takes_switch: bool,
    has_choices: bool,
}

/// A block at the top level: its parameters are `ws`, and perhaps `n` and `x: dense`.
#[derive(Clone)]
struct Pattern {
    name: String,
    takes_dense: bool,
    /// It takes and hands on `e` beside `d`.
    sparse: bool,
    choices: Vec<Choice>,
}

/// A space that was made, as far as others refer to it.
#[derive(Clone)]
struct Space {
    name: String,
    /// Parameters, each with a value that it may be given.
    params: Vec<(String, String)>,
    /// Choices, each with the block instance around it and a value.
    choices: Vec<Choice>,
    open: bool,
    /// Whether it predicts several labels.
    several: bool,
    /// Whether it has choices of columns, which a schema tells.
    columns: bool,
}

/// A program while it is written.
pub struct Generator {
    rng: ChaCha8Rng,
    out: String,
    names: usize,
    indent: usize,
    ops: Vec<Op>,
    patterns: Vec<Pattern>,
    spaces: Vec<Space>,
    /// Architectures that decide everything, with a schema.
    archs: Vec<String>,
    schemas: Vec<String>,
    searches: Vec<String>,
    /// Consts that list widths, and consts that are numbers.
    width_lists: Vec<String>,
    numbers: Vec<String>,
    /// The choices of the space at hand.
    choices: Vec<Choice>,
    /// Whether the space at hand has choices of columns.
    columns: bool,
    block: Option<String>,
    /// Whether the operator at hand has choices.
    used_choice: bool,
}

/// A sound program of some ten items.
pub fn program(rng: ChaCha8Rng) -> String {
    let mut generator = Generator::new(rng);
    let items = generator.below(9) + 3;
    for _ in 0..items {
        generator.item();
    }
    // Never without something to plan.
    items::space(&mut generator);
    generator.out
}

/// A sound program of at least so many lines.
pub fn program_of(rng: ChaCha8Rng, lines: usize) -> String {
    let mut generator = Generator::new(rng);
    let mut written = 0;
    let mut seen = 0;
    while written < lines {
        generator.item();
        written += generator.out[seen..].matches('\n').count();
        seen = generator.out.len();
        // References stay near, so that the work grows with the lines.
        generator.forget(24);
    }
    generator.out
}

impl Generator {
    fn new(rng: ChaCha8Rng) -> Self {
        let mut generator = Self {
            rng,
            out: String::new(),
            names: 0,
            indent: 0,
            ops: Vec::new(),
            patterns: Vec::new(),
            spaces: Vec::new(),
            archs: Vec::new(),
            schemas: Vec::new(),
            searches: Vec::new(),
            width_lists: Vec::new(),
            numbers: Vec::new(),
            choices: Vec::new(),
            columns: false,
            block: None,
            used_choice: false,
        };
        if generator.chance(50) {
            generator.line("nasrec 1");
        }
        generator.line("import \"std/ctr.nasrec\" { fc, norm, gating, plus, efc, fm }");
        generator
    }

    /// Forgets all but the last items of each kind.
    fn forget(&mut self, kept: usize) {
        fn last<T>(of: &mut Vec<T>, kept: usize) {
            of.drain(..of.len().saturating_sub(kept));
        }
        last(&mut self.ops, kept);
        last(&mut self.patterns, kept);
        last(&mut self.spaces, kept);
        last(&mut self.archs, kept);
        last(&mut self.schemas, kept);
        last(&mut self.searches, kept);
        last(&mut self.width_lists, kept);
        last(&mut self.numbers, kept);
    }

    fn item(&mut self) {
        let item = self.pick(items::ITEMS);
        self.line("");
        item(self);
    }

    fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these; there must be one.
    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())].clone()
    }

    /// One way of a table.
    fn pick<F: Copy>(&mut self, table: Table<F>) -> F {
        let all: u32 = table.iter().map(|(weight, _)| weight).sum();
        let mut at = self.rng.random_range(0..all);
        for &(weight, way) in table {
            if at < weight {
                return way;
            }
            at -= weight;
        }
        unreachable!("the weights add up")
    }

    /// A name that nothing else has.
    fn name(&mut self, start: &str) -> String {
        self.names += 1;
        format!("{start}{}", self.names)
    }

    fn line(&mut self, text: &str) {
        if !text.is_empty() {
            self.out.extend(std::iter::repeat_n(' ', self.indent));
        }
        self.out.push_str(text);
        if !text.is_empty() && self.rng.next_u32().is_multiple_of(16) {
            self.out.push_str(" // said beside it");
        }
        self.out.push('\n');
    }

    /// Documentation or a comment, now and then.
    fn remark(&mut self) {
        match self.below(12) {
            0 => self.line("/// What it is for."),
            1 => self.line("// Why it is so."),
            2 => self.line(""),
            _ => {}
        }
    }

    /// Takes the name of the path at hand for a choice.
    fn take_choice(&mut self, scope: &mut Scope) -> bool {
        let free = scope.open && scope.choice_free && self.chance(60);
        if free {
            scope.choice_free = false;
            self.used_choice = true;
        }
        free
    }
}
