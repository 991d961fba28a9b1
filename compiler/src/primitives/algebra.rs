//! Sizes and axes as shape rules see them: open, in a space, or numbers, in a plan.

use smallvec::SmallVec;

use crate::tensor::{Init, TemplateKind, TensorKind};

/// What a shape rule works with. A space's expressions are one (`ir`), where an axis is a size that choices decide and a
/// layout; [`Concrete`] is the other, where an axis is a number.
pub(crate) trait Algebra {
    /// One axis of a tensor.
    type Axis: Copy;
    /// A number of positions.
    type Size: Copy;

    /// How many positions an axis has.
    fn size(&self, axis: Self::Axis) -> Self::Size;
    /// The axis of one position.
    fn one(&mut self) -> Self::Axis;
    /// Whether an axis has one position whatever is chosen.
    fn is_one(&self, axis: Self::Axis) -> bool;
    /// Two axes made into one, row-major.
    fn flattened(&mut self, outer: Self::Axis, inner: Self::Axis) -> Self::Axis;
    /// All pairs `j < i` of positions of an axis, row by row.
    fn triangle(&mut self, rows: Self::Axis) -> Self::Axis;
    /// An axis several times over.
    fn repeated(&mut self, axis: Self::Axis, times: u32) -> Self::Axis;
    /// The operands' axes side by side, in their order.
    fn joined(&mut self, parts: &[Self::Axis]) -> Self::Axis;
    /// The axis of a result whose operands all have one of these, which are of one size.
    fn shared(&mut self, axes: &[Self::Axis]) -> Self::Axis;
    /// `a b`
    fn product(&mut self, a: Self::Size, b: Self::Size) -> Self::Size;
    /// The larger of both.
    fn larger(&mut self, a: Self::Size, b: Self::Size) -> Self::Size;
    /// The multiple of `by` that is nearest.
    fn multiple(&mut self, size: Self::Size, by: usize) -> Self::Size;
    /// So many positions more.
    fn behind(&mut self, size: Self::Size, by: u32) -> Self::Size;
    /// Two sizes must be equal under every assignment, or it is not what `what` says.
    fn demand(&mut self, what: Demand, left: Self::Size, right: Self::Size);
}

/// What a primitive demands of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// That two are equal, which these words name.
    Equal(&'static str),
    /// That nothing gets narrower: the larger of the old width and the new one is the new one.
    NoNarrower,
    /// That what is cut out ends where the whole ends, or before: the larger of both ends is that of the whole.
    Inside,
    /// That a dimension is divided among so many heads: the multiple of them that is nearest is the dimension.
    Heads(usize),
}

/// An operand of a primitive.
#[derive(Clone, Debug)]
pub(crate) struct Operand<X> {
    /// What it is.
    pub kind: TensorKind,
    /// Its axes, without the batch.
    pub axes: SmallVec<[X; 2]>,
}

impl<X: Copy> Operand<X> {
    /// The only axis of a dense tensor.
    pub fn width(&self) -> Option<X> {
        match *self.axes {
            [width] => Some(width),
            _ => None,
        }
    }

    /// The two axes of a sparse tensor (fields, dimension), or of a square.
    pub fn pair(&self) -> Option<[X; 2]> {
        match *self.axes {
            [fields, dim] => Some([fields, dim]),
            _ => None,
        }
    }
}

/// A primitive applied: its result, and its parameters in the order that it documents.
#[derive(Clone, Debug)]
pub(crate) struct Applied<X> {
    /// What the result is.
    pub kind: TensorKind,
    /// Its axes, without the batch.
    pub axes: SmallVec<[X; 2]>,
    /// What is trained of it, or kept.
    pub params: SmallVec<[Parameter<X>; 4]>,
}

/// A parameter of a primitive.
#[derive(Clone, Debug)]
pub(crate) struct Parameter<X> {
    /// The last part of its name.
    pub name: &'static str,
    /// Its axes; of tables, those of a row.
    pub axes: SmallVec<[X; 2]>,
    /// How it is drawn, where the call says nothing else.
    pub init: Init,
    /// One parameter, or a table for each field.
    pub kind: TemplateKind,
}

impl<X> Applied<X> {
    /// A result without parameters.
    pub fn new(kind: TensorKind, axes: impl IntoIterator<Item = X>) -> Self {
        Self { kind, axes: axes.into_iter().collect(), params: SmallVec::new() }
    }

    /// The same with one more parameter.
    #[must_use]
    pub fn param(mut self, name: &'static str, axes: impl IntoIterator<Item = X>, init: Init) -> Self {
        self.params.push(Parameter { name, axes: axes.into_iter().collect(), init, kind: TemplateKind::Dense });
        self
    }

    /// The same with one more number a position that is kept of what passed through, and not trained.
    #[must_use]
    pub fn statistic(mut self, name: &'static str, axes: impl IntoIterator<Item = X>, init: Init) -> Self {
        self.params.push(Parameter { name, axes: axes.into_iter().collect(), init, kind: TemplateKind::Statistic });
        self
    }

    /// The same with a table for each field, whose rows have this axis.
    #[must_use]
    pub fn tables(mut self, name: &'static str, dim: X, init: Init) -> Self {
        self.params.push(Parameter { name, axes: SmallVec::from_iter([dim]), init, kind: TemplateKind::Tables });
        self
    }
}

/// Sizes that are known: a shape rule over them checks a plan.
#[derive(Clone, Debug)]
pub(crate) struct Concrete {
    /// Whether all that was demanded holds.
    pub holds: bool,
}

impl Algebra for Concrete {
    type Axis = usize;
    type Size = usize;

    fn size(&self, axis: usize) -> usize {
        axis
    }

    fn one(&mut self) -> usize {
        1
    }

    fn is_one(&self, axis: usize) -> bool {
        axis == 1
    }

    fn flattened(&mut self, outer: usize, inner: usize) -> usize {
        outer.saturating_mul(inner)
    }

    fn triangle(&mut self, rows: usize) -> usize {
        rows.saturating_mul(rows.saturating_sub(1)) / 2
    }

    fn repeated(&mut self, axis: usize, times: u32) -> usize {
        axis.saturating_mul(times as usize)
    }

    fn joined(&mut self, parts: &[usize]) -> usize {
        parts.iter().fold(0, |sum, &part| sum.saturating_add(part))
    }

    fn shared(&mut self, axes: &[usize]) -> usize {
        axes.first().copied().unwrap_or(0)
    }

    fn product(&mut self, a: usize, b: usize) -> usize {
        a.saturating_mul(b)
    }

    fn larger(&mut self, a: usize, b: usize) -> usize {
        a.max(b)
    }

    fn multiple(&mut self, size: usize, by: usize) -> usize {
        // Half away from zero, as `round` of the language.
        size.saturating_add(by / 2).checked_div(by).map_or(0, |times| times * by)
    }

    fn behind(&mut self, size: usize, by: u32) -> usize {
        size.saturating_add(by as usize)
    }

    fn demand(&mut self, _: Demand, left: usize, right: usize) {
        self.holds &= left == right;
    }
}
