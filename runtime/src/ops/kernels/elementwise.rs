//! Loops of ops that work value by value: those that several ops share. What is computed of a value is said where it is
//! used. Gradients are written to or, with `accumulate`, added to `dx`.

use super::simd;

/// `y = f(a)`, or `y += f(a)`; `f` is inlined always.
#[inline(always)]
pub(crate) fn map(y: &mut [f32], accumulate: bool, a: &[f32], f: impl Fn(f32) -> f32) {
    simd::vectorised(
        #[inline(always)]
        || {
            if accumulate {
                y.iter_mut().zip(a).for_each(|(y, &a)| *y += f(a));
            } else {
                y.iter_mut().zip(a).for_each(|(y, &a)| *y = f(a));
            }
        },
    );
}

/// `y = f(a, b)`, or `y += f(a, b)`; `f` is inlined always.
#[inline(always)]
pub(crate) fn zip(y: &mut [f32], accumulate: bool, a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    simd::vectorised(
        #[inline(always)]
        || {
            if accumulate {
                y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y += f(a, b));
            } else {
                y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = f(a, b));
            }
        },
    );
}

pub(crate) fn mul(a: &[f32], b: &[f32], y: &mut [f32], accumulate: bool) {
    zip(
        y,
        accumulate,
        a,
        b,
        #[inline(always)]
        |a, b| a * b,
    );
}

pub(crate) fn add(a: &[f32], b: &[f32], y: &mut [f32]) {
    zip(
        y,
        false,
        a,
        b,
        #[inline(always)]
        |a, b| a + b,
    );
}

pub(crate) fn sub(a: &[f32], b: &[f32], y: &mut [f32]) {
    zip(
        y,
        false,
        a,
        b,
        #[inline(always)]
        |a, b| a - b,
    );
}

/// `y = x`, or `y += x`.
pub(crate) fn copy(x: &[f32], y: &mut [f32], accumulate: bool) {
    if accumulate {
        map(
            y,
            true,
            x,
            #[inline(always)]
            |x| x,
        );
    } else {
        y.copy_from_slice(x);
    }
}

/// `y = by x`, or `y += by x`.
pub(crate) fn scaled(x: &[f32], by: f32, y: &mut [f32], accumulate: bool) {
    map(
        y,
        accumulate,
        x,
        #[inline(always)]
        |x| by * x,
    );
}

/// `y = x + by`
pub(crate) fn raised(x: &[f32], by: f32, y: &mut [f32]) {
    map(
        y,
        false,
        x,
        #[inline(always)]
        |x| x + by,
    );
}

/// `y = -x`, or `y -= x`.
pub(crate) fn negate(x: &[f32], y: &mut [f32], accumulate: bool) {
    map(
        y,
        accumulate,
        x,
        #[inline(always)]
        |x| -x,
    );
}
