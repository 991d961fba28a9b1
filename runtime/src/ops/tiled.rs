//! What an op says to the tiled backend: how its node is lowered, and the kernel of its step.
//!
//! Samples are the last axis there: dense `[w, t]`, sparse `[n, e, t]`, square `[n, n, t]`, row-major, `t` samples a tile.

use std::fmt::Debug;

use nasrec_compiler::plan::{self, Node, Plan};
use nasrec_compiler::streams::Key;
use smallvec::SmallVec;

use super::Reads;
use super::kernels::moments::Pairs;

/// A node that is to be lowered.
pub(crate) struct Site<'a> {
    pub plan: &'a Plan,
    pub node: &'a Node,
    /// Its place in the plan.
    pub index: usize,
    /// Whether the program trains anything: one that does not computes what a trained model says.
    pub trains: bool,
    /// For each input, how many of its values a sample come before nothing but zeros.
    pub live: SmallVec<[usize; 4]>,
    /// Values a sample that the lookups before this one yield.
    pub embedded: usize,
}

impl<'a> Site<'a> {
    /// The shape of an input.
    pub fn input(&self, k: usize) -> &'a [usize] {
        &self.plan.nodes[self.node.inputs[k]].shape
    }

    /// Values a sample of the node.
    pub fn len(&self) -> usize {
        self.node.shape.iter().product()
    }

    /// A step that reads the node's inputs, and of which no value is known to be zero.
    pub fn step(&self, kernel: impl Kernel + 'static) -> Lowered {
        Lowered::Step { kernel: Box::new(kernel), sources: self.node.inputs.clone(), nonzero: self.len() }
    }
}

/// What becomes of a node.
#[derive(Debug)]
pub(crate) enum Lowered {
    /// Nothing is computed: its value is those of its inputs, one after the other, zeros up to its length.
    View,
    Step {
        kernel: Box<dyn Kernel>,
        /// The nodes whose values it reads.
        sources: SmallVec<[usize; 4]>,
        /// How many of its values a sample come before nothing but zeros.
        nonzero: usize,
    },
}

impl Lowered {
    /// The same, where only the first values can be other than zero.
    #[must_use]
    pub fn nonzero(self, first: usize) -> Self {
        match self {
            Self::Step { kernel, sources, .. } => Self::Step { kernel, sources, nonzero: first },
            Self::View => self,
        }
    }

    /// The same, reading other nodes.
    #[must_use]
    pub fn reading(self, sources: SmallVec<[usize; 4]>) -> Self {
        match self {
            Self::Step { kernel, nonzero, .. } => Self::Step { kernel, sources, nonzero },
            Self::View => self,
        }
    }
}

/// What computes a step, forward and back, over the samples of one tile.
pub(crate) trait Kernel: Debug + Send + Sync {
    /// What its backward reads besides the gradient. `weight_trained`: whether its first parameter is trained.
    fn reads(&self, _weight_trained: bool) -> Reads {
        Reads::NOTHING
    }

    /// Values a sample that the forward leaves for the backward.
    fn saved(&self) -> usize {
        0
    }

    /// Values a sample of scratch memory.
    fn scratch(&self) -> usize {
        0
    }

    /// Whether it reads an operand in whatever stretches that lies, so long as each is whole rows of so many values.
    fn reads_stretches(&self) -> Option<usize> {
        None
    }

    /// Whether it looks rows up: then it has no backward, and the gradient of its value is that of the rows.
    fn looks_up(&self) -> Option<&Lookup> {
        None
    }

    /// Computes the step's value, all of it.
    fn forward(&self, here: &dyn Here, out: Out<'_>);

    /// Adds the gradients of its parameters.
    fn backward_params(&self, _here: &dyn Here, _dy: &[f32], _gradients: &mut ParamGradients<'_>) {}

    /// Whether the gradient of a parameter is written by [`Kernel::backward_params`] where it is the first to have one, and
    /// need not be zeros before.
    fn writes(&self, _index: usize) -> bool {
        false
    }

    /// The gradient of a stretch of operand `k` that begins at `from` values a sample, to `dx`, or added to it.
    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool);

    /// The kernel, where it reads all samples of the batch: with the batch's own statistics every tile comes to it before
    /// one goes on.
    fn across(&self) -> Option<&dyn Across> {
        None
    }

    /// The kernel whose backward yields everything at once.
    fn at_once(&self) -> Option<&dyn AtOnce> {
        None
    }
}

/// A kernel that yields the gradients of its parameters and of its only operand in one pass over what its forward saved.
pub(crate) trait AtOnce {
    /// Adds to the parameters' gradients, and writes or adds the operand's to `dx` where given. `saved` has room for whole
    /// blocks of lanes.
    fn backward(
        &self,
        here: &dyn Here,
        dy: &[f32],
        memory: (&[f32], &mut [f32]),
        gradients: &mut ParamGradients<'_>,
        dx: Option<(&mut [f32], bool)>,
    );
}

/// A kernel that reads all samples of a batch, by two numbers a position on the way forward and on the way back.
pub(crate) trait Across {
    /// What the samples of a tile say on the way forward.
    fn forward(&self, here: &dyn Here) -> Pairs;

    /// What those of all tiles say, in their order, each with how many there are.
    fn joined(&self, tiles: &[(usize, Pairs)]) -> Pairs;

    /// What they say on the way back: sums, which are added up tile after tile.
    fn backward(&self, here: &dyn Here, dy: &[f32]) -> Pairs;

    /// What each of its statistics, by parameter of the step, is of this batch.
    fn found(&self, gathered: &Gathered) -> [(usize, Vec<f32>); 2];

    /// How far they move towards it in a step.
    fn momentum(&self) -> f64;
}

/// What is known of all samples of a batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    pub samples: usize,
    pub forward: Pairs,
    /// Once the way back has come there.
    pub backward: Pairs,
}

/// A table lookup: where its rows lie among the values that all lookups yield, and how long they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lookup {
    pub dim: usize,
    pub at: usize,
    /// What each table is looked up for.
    pub of: Vec<plan::Lookup>,
}

/// A stretch of an operand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Which operand.
    pub k: usize,
    /// Where it begins in the operand, in values a sample.
    pub from: usize,
}

/// Stretches of an operand, each with where it begins in values a sample.
pub(crate) type Pieces<'a> = SmallVec<[(usize, &'a [f32]); 4]>;

/// Where a forward writes.
pub(crate) struct Out<'a> {
    /// The step's value.
    pub y: &'a mut [f32],
    /// What it leaves for the backward, with room for whole blocks of lanes.
    pub saved: &'a mut [f32],
    pub scratch: &'a mut [f32],
}

/// What a kernel sees of its step on a tile.
pub(crate) trait Here {
    /// Samples of the tile.
    fn samples(&self) -> usize;
    /// How many operands.
    fn operands(&self) -> usize;
    /// An operand that lies in one stretch.
    fn operand(&self, k: usize) -> &[f32];
    /// An operand in its stretches.
    fn pieces(&self, k: usize) -> Pieces<'_>;
    /// The values of one of its parameters, where it has so many.
    fn weight(&self, index: usize) -> Option<&[f32]>;
    /// One of its parameters that has two axes, with these swapped, where that was made ready.
    fn swapped(&self, index: usize) -> Option<&[f32]>;
    /// The step's value, in the backward.
    fn value(&self) -> &[f32];
    /// Whether a backward follows.
    fn is_trained(&self) -> bool;
    /// What the forward left for the backward.
    fn saved(&self) -> &[f32];
    /// Which sample of the batch is the first of the tile.
    fn first(&self) -> usize;
    /// The key of the step's random draws; none where values are those of a trained model.
    fn noise(&self) -> Option<Key>;
    /// What is known of all samples of the batch, where its own statistics are taken.
    fn gathered(&self) -> Option<&Gathered>;
    /// The samples of one numeric column.
    fn column(&self, index: usize) -> &[f32];
    /// The rows of the first place of a lookup, one a sample.
    fn ids(&self, of: plan::Lookup) -> &[u32];
    /// The rows that the samples look up in the table that is its parameter `index`, those of a bag pooled: `[dim, t]`.
    fn look_up(&self, index: usize, of: plan::Lookup, rows: &mut [f32]);
}

/// Where the gradients of a step's parameters are summed.
pub(crate) struct ParamGradients<'d> {
    /// Those of the parameters that are trained.
    pub parts: SmallVec<[Option<&'d mut [f32]>; 4]>,
    /// Which of them hold anything yet, and are to be written.
    pub begins: SmallVec<[usize; 4]>,
}

impl ParamGradients<'_> {
    /// That of one parameter, if it is trained, and whether it is added to.
    pub fn get(&mut self, index: usize) -> Option<(&mut [f32], bool)> {
        let accumulate = !self.begins.contains(&index);
        self.parts.get_mut(index)?.as_deref_mut().map(|part| (part, accumulate))
    }

    /// That of one parameter, to be added to.
    pub fn take(&mut self, index: usize) -> Option<&mut [f32]> {
        self.parts.get_mut(index)?.as_deref_mut()
    }
}
