//! Layout expressions: which positions of an axis' largest form are active, as a function of the choices
//! (language rule 3).

use super::bounds::Bounds;
use super::choices::{Assignment, Undecided};
use super::graph::Gate;
use super::sizes::{Expressions, MAX_DEPTH, SizeId, Widths};
use crate::tensor::Layout;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutId(pub u32);

/// One axis of a tensor in the space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AxisRef {
    pub size: SizeId,
    pub layout: LayoutId,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LayoutExpr {
    /// The first `size` positions.
    Prefix(SizeId),
    /// Operands side by side, each at its own fixed place whether or not it is there.
    Joined(Vec<(Gate, LayoutId)>),
    /// Two axes made into one, row-major.
    Flattened(LayoutId, LayoutId),
    /// The strictly lower triangle of a square.
    Triangle(LayoutId),
    /// The same layout several times over.
    Repeated(LayoutId, u32),
}

impl Expressions {
    pub fn layout(&self, id: LayoutId) -> &LayoutExpr {
        &self.layouts[id.0 as usize]
    }

    pub fn intern_layout(&mut self, layout: LayoutExpr) -> LayoutId {
        if let LayoutExpr::Joined(parts) = &layout
            && let [(Gate::Always, only)] = parts.as_slice()
        {
            return *only;
        }
        if let Some(&id) = self.layout_ids.get(&layout) {
            return id;
        }
        let below = |id: &LayoutId| self.layout_depths[id.0 as usize];
        let depth = 1 + match &layout {
            LayoutExpr::Prefix(_) => 0,
            LayoutExpr::Joined(parts) => parts.iter().map(|(_, part)| below(part)).max().unwrap_or(0),
            LayoutExpr::Flattened(a, b) => below(a).max(below(b)),
            LayoutExpr::Triangle(a) | LayoutExpr::Repeated(a, _) => below(a),
        };
        if depth > MAX_DEPTH {
            self.overflow = true;
            let one = self.constant(1.0);
            return self.intern_layout(LayoutExpr::Prefix(one));
        }
        let id = LayoutId(self.layouts.len() as u32);
        self.layout_depths.push(depth);
        self.layouts.push(layout.clone());
        self.layout_ids.insert(layout, id);
        id
    }

    /// An axis that is simply a size.
    pub fn prefix(&mut self, size: SizeId) -> AxisRef {
        AxisRef { size, layout: self.intern_layout(LayoutExpr::Prefix(size)) }
    }

    /// The axis of a result whose operands all have this axis: the layout that they share throughout the space, else
    /// the prefix layout.
    pub fn shared_axis(&mut self, size: SizeId, operands: &[AxisRef]) -> AxisRef {
        match operands {
            [first, rest @ ..] if rest.iter().all(|axis| axis.layout == first.layout) => {
                AxisRef { size, layout: first.layout }
            }
            _ => self.prefix(size),
        }
    }

    /// The layout under an assignment.
    pub fn lay_out(
        &self,
        id: LayoutId,
        kinds: &impl Widths,
        bounds: &Bounds,
        at: &Assignment<'_>,
    ) -> Result<Layout, Undecided> {
        Ok(match self.layout(id) {
            LayoutExpr::Prefix(size) => Layout::prefix(self.evaluate(*size, kinds, at)? as usize),
            LayoutExpr::Joined(parts) => {
                let mut joined = Layout::default();
                let mut offset = 0;
                for &(gate, part) in parts {
                    if gate.is_open(at)? {
                        joined.append_shifted(&self.lay_out(part, kinds, bounds, at)?, offset);
                    }
                    offset += bounds.full(part);
                }
                joined
            }
            LayoutExpr::Flattened(outer, inner) => Layout::flattened(
                &self.lay_out(*outer, kinds, bounds, at)?,
                &self.lay_out(*inner, kinds, bounds, at)?,
                bounds.full(*inner),
            ),
            LayoutExpr::Triangle(rows) => self.lay_out(*rows, kinds, bounds, at)?.lower_triangle(),
            LayoutExpr::Repeated(part, times) => {
                let layout = self.lay_out(*part, kinds, bounds, at)?;
                let mut repeated = Layout::default();
                for i in 0..*times as usize {
                    repeated.append_shifted(&layout, i * bounds.full(*part));
                }
                repeated
            }
        })
    }
}
