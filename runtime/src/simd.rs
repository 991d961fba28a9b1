//! Compiling a loop for the vector unit of the machine it runs on: the ground floor of reading data and of computing.

/// Runs `f` compiled for the widest instruction set this machine has. Rust never contracts `a * b + c`, and `mul_add`
/// rounds once everywhere, so a loop gives the same bits whichever set is picked.
#[inline(always)]
pub(crate) fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
