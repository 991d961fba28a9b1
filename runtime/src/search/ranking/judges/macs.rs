//! How many numbers an architecture multiplies for a sample: the more, the better.

use super::Untrained;
use crate::backend::Backend;

pub(super) fn judge<B: Backend>() -> Untrained<B> {
    Untrained { name: "macs", by: |_, plan| Ok(-(plan.macs() as f64)) }
}
