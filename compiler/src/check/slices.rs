//! Parts of tensors: `x[1..16]`, `s[3]`.

use petgraph::graph::NodeIndex;

use super::elaborate::{Elaborator, number_words};
use super::values::Value;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{Gate, NodeKind, SizeId, TensorKind};
use crate::primitives::{Flatten, Slice};

impl Elaborator<'_> {
    /// Numbers `lo` to `hi` of a dense tensor, or fields of a sparse one, counted from 1; one field, where it is asked for by its number, as a dense tensor.
    pub(super) fn slice(
        &mut self,
        (value, of): (Value, Span),
        (lo, hi): (SizeId, Option<SizeId>),
        at: Span,
    ) -> Option<Value> {
        let node = self.expect_tensor(value, of)?;
        let kind = self.tensor(node);
        if kind == TensorKind::Square {
            return self.fail(
                Diagnostic::error(Code::Kind, "a square tensor has no parts")
                    .label(at, "a part of it is asked for")
                    .help("`lower_triangle(g)` takes the products of pairs out of it, as a dense tensor"),
            );
        }
        let first = match self.constant_size(lo) {
            Some(first) => first,
            None if self.generic => 1.0,
            None => {
                return self.fail(
                    Diagnostic::error(Code::NotConstant, "what is cut out begins at a fixed place")
                        .label(at, "this varies"),
                );
            }
        };
        if !(first >= 1.0 && first.fract() == 0.0 && first <= f64::from(u32::MAX)) {
            let message = format!("there is no place {}", number_words(first));
            return self.fail(Diagnostic::error(Code::Arguments, message).label(at, "places count from 1"));
        }
        let before = self.ex.constant(first - 1.0);
        let many = match hi {
            None => self.ex.constant(1.0),
            Some(hi) => self.ex.add_scaled(hi, before, -1.0),
        };
        let many = self.whole(many, at)?;
        let cut = self.cut(node, first as u32 - 1, many, at)?;
        if hi.is_none() && kind == TensorKind::Sparse {
            return self.applied_to(Flatten.into(), cut, at);
        }
        Some(Value::Tensor(cut))
    }

    fn cut(&mut self, node: NodeIndex, from: u32, many: SizeId, at: Span) -> Option<NodeIndex> {
        let slice = Slice { from }.into();
        let given = [self.ex.prefix(many)];
        let (applied, demands) = self.apply(slice, &[node], &[], &given)?;
        for (demand, a, b) in demands {
            if let Err(disproof) = self.prove_equal(a, b) {
                self.primitive_refuses(demand, disproof, at);
                return None;
            }
        }
        Some(self.add(NodeKind::Primitive(slice), applied.kind, applied.axes, &[(Gate::Always, node)], "slice"))
    }
}
