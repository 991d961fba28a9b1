//! What a choice offers, labelled positions, and what is made of it: one of them, or a set of so many.
//!
//! Whatever counts, draws, numbers, bounds, reads or writes values goes by that. The word of the language only decides how a
//! choice is worded, drawn and written.

/// The word of the language that leaves something open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// One of these sizes.
    Width,
    /// So many of these sources; a set also where it is one of them.
    Pick,
    /// One of these alternatives, or so many of them added up.
    Choose,
    /// So many iterations.
    Repeat,
    /// There or not.
    Maybe,
}

impl Word {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Word::Width => "width",
            Word::Pick => "pick",
            Word::Choose => "choose",
            Word::Repeat => "repeat",
            Word::Maybe => "maybe",
        }
    }
}

/// How many of its positions a value takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Takes {
    /// Exactly one, as [`Made::One`].
    One,
    /// A set of `lo` to `hi` of them, as [`Made::Set`].
    Set {
        /// The fewest; may be 0.
        lo: usize,
        /// The most, at most the number of positions.
        hi: usize,
    },
}

impl Takes {
    /// The fewest and the most.
    pub fn range(self) -> (usize, usize) {
        match self {
            Takes::One => (1, 1),
            Takes::Set { lo, hi } => (lo, hi),
        }
    }
}

/// Such as `one`, `2` or `1 to 3`.
impl std::fmt::Display for Takes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Takes::One => f.write_str("one"),
            Takes::Set { lo, hi } if lo == hi => write!(f, "{lo}"),
            Takes::Set { lo, hi } => write!(f, "{lo} to {hi}"),
        }
    }
}

/// What a choice offers. Of a set there are at most 64 positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    word: Word,
    labels: Vec<String>,
    numbers: Vec<i64>,
    takes: Takes,
}

impl Offer {
    /// One of these sizes.
    pub(crate) fn width(values: Vec<i64>) -> Self {
        Self::numbered(Word::Width, values)
    }

    /// `lo` to `hi` of these sources, by name.
    pub(crate) fn pick(lo: usize, hi: usize, sources: Vec<String>) -> Self {
        Self { word: Word::Pick, labels: sources, numbers: Vec::new(), takes: Takes::Set { lo, hi } }
    }

    /// `lo` to `hi` of these alternatives, by label: one of them where `hi` is 1.
    pub(crate) fn choose(lo: usize, hi: usize, alternatives: Vec<String>) -> Self {
        let takes = if hi == 1 { Takes::One } else { Takes::Set { lo, hi } };
        Self { word: Word::Choose, labels: alternatives, numbers: Vec::new(), takes }
    }

    /// `lo` to `hi` iterations; position 0 is `lo` of them.
    pub(crate) fn repeat(lo: usize, hi: usize) -> Self {
        Self::numbered(Word::Repeat, (lo as i64..=hi as i64).collect())
    }

    /// Off at position 0, on at position 1.
    pub(crate) fn maybe() -> Self {
        let labels = vec!["off".to_owned(), "on".to_owned()];
        Self { word: Word::Maybe, labels, numbers: Vec::new(), takes: Takes::One }
    }

    fn numbered(word: Word, numbers: Vec<i64>) -> Self {
        Self { word, labels: numbers.iter().map(ToString::to_string).collect(), numbers, takes: Takes::One }
    }

    /// How it was written.
    pub fn word(&self) -> Word {
        self.word
    }

    /// One position, or a set of them.
    pub fn takes(&self) -> Takes {
        self.takes
    }

    /// How many positions a value takes, where it takes a set.
    pub(crate) fn counts(&self) -> Option<(usize, usize)> {
        match self.takes {
            Takes::One => None,
            Takes::Set { lo, hi } => Some((lo, hi)),
        }
    }

    /// What its positions are called: sizes, sources, alternatives, numbers of iterations, `off` and `on`.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether it can take this value.
    pub fn has(&self, made: Made) -> bool {
        match (self.takes, made) {
            (Takes::One, Made::One(one)) => (one as usize) < self.labels.len(),
            (Takes::Set { lo, hi }, Made::Set(mask)) => {
                let positions = (u64::BITS - mask.leading_zeros()) as usize;
                (lo..=hi).contains(&(mask.count_ones() as usize)) && positions <= self.labels.len()
            }
            _ => false,
        }
    }

    /// What the positions of a value are called.
    pub fn called(&self, made: Made) -> Vec<&str> {
        self.labels.iter().enumerate().filter(|&(at, _)| made.has(at)).map(|(_, label)| label.as_str()).collect()
    }

    /// The number that each position stands for: sizes, numbers of iterations; none where positions are no numbers.
    pub fn numbers(&self) -> &[i64] {
        &self.numbers
    }

    /// The least and the largest number.
    pub(crate) fn ends(&self) -> Option<(i64, i64)> {
        self.numbers.iter().copied().min().zip(self.numbers.iter().copied().max())
    }

    /// How many positions there are.
    pub fn positions(&self) -> usize {
        self.labels.len()
    }

    /// The first 64 positions, as a bit mask.
    pub(crate) fn all(&self) -> u64 {
        first(self.positions())
    }

    /// The position of this name.
    pub(crate) fn position(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|known| known == label)
    }

    /// How many values it can take, as far as that can be counted in 64 bits.
    pub fn option_count(&self) -> u64 {
        let all = self.positions();
        match self.takes {
            Takes::One => all as u64,
            Takes::Set { lo, hi } => {
                let binomial = |k: usize| (0..k).fold(1u64, |c, i| c.saturating_mul((all - i) as u64) / (i as u64 + 1));
                (lo..=hi).map(binomial).fold(0, u64::saturating_add)
            }
        }
    }

    /// Every value that it can take, [`Offer::option_count`] of them.
    pub fn options(&self) -> Vec<Made> {
        match self.takes {
            Takes::One => (0..self.positions() as u32).map(Made::One).collect(),
            Takes::Set { lo, hi } => {
                let mut masks = Vec::new();
                subsets(self.positions(), (lo, hi), 0, 0, &mut masks);
                masks.into_iter().map(Made::Set).collect()
            }
        }
    }

    /// A value, of the first positions, with as little as can be taken; of a set that may be empty, one.
    pub(crate) fn least(&self) -> Made {
        match self.takes {
            Takes::One => Made::One(0),
            Takes::Set { lo, .. } => Made::Set(first(lo.max(1))),
        }
    }

    /// A value as an architecture writes it, such as `24`, `fc` or `[stem, b[1]]`.
    pub fn written(&self, made: Made) -> String {
        let one = || self.labels.get(made.first()).cloned().unwrap_or_default();
        match self.takes {
            Takes::One => one(),
            // A single source of a single pick needs no brackets.
            Takes::Set { lo: 1, hi: 1 } if self.positions() > 1 => one(),
            Takes::Set { .. } => format!("[{}]", self.called(made).join(", ")),
        }
    }
}

/// Such as `width 16, 32` or `pick 1..2 of stem, b[1]`.
impl std::fmt::Display for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ", self.word.text())?;
        if let Takes::Set { lo, hi } = self.takes {
            write!(f, "{lo}..{hi} of ")?;
        }
        f.write_str(&self.labels.join(", "))
    }
}

/// What an architecture makes of one choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Made {
    /// A position.
    One(u32),
    /// A set of positions, as a bit mask; in a relaxed architecture (rule 10) also where otherwise one is taken.
    Set(u64),
}

impl Made {
    /// Whether position `index` is in it.
    pub fn has(self, index: usize) -> bool {
        match self {
            Made::One(one) => one as usize == index,
            Made::Set(mask) => index < 64 && mask >> index & 1 == 1,
        }
    }

    /// Whether any of these positions, as a bit mask, is in it.
    pub fn meets(self, positions: u64) -> bool {
        match self {
            Made::One(one) => one < 64 && positions >> one & 1 == 1,
            Made::Set(mask) => mask & positions != 0,
        }
    }

    /// Its first position; 0 for an empty set.
    pub fn first(self) -> usize {
        match self {
            Made::One(one) => one as usize,
            Made::Set(mask) => (mask.trailing_zeros() % 64) as usize,
        }
    }
}

/// The first so many positions, as a bit mask.
fn first(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// The sets of `lo` to `hi` positions below `count` that hold `mask` and, beyond it, only positions from `from` on.
fn subsets(count: usize, (lo, hi): (usize, usize), from: usize, mask: u64, found: &mut Vec<u64>) {
    let taken = mask.count_ones() as usize;
    if taken >= lo {
        found.push(mask);
    }
    for next in from..count {
        // Enough positions must be left.
        if taken < hi && taken + count - next >= lo {
            subsets(count, (lo, hi), next + 1, mask | 1 << next, found);
        }
    }
}
