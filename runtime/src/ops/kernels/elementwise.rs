//! Primitives that work value by value: relu, sigmoid, add, sub, mul, square. Gradients are written to or, with
//! `accumulate`, added to `dx`.

use super::simd;

#[inline(always)]
fn map(y: &mut [f32], accumulate: bool, a: &[f32], f: impl Fn(f32) -> f32) {
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

#[inline(always)]
fn zip(y: &mut [f32], accumulate: bool, a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
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

/// `max(x, 0)`; NaN stays NaN, so that a diverged model shows.
pub(crate) fn relu(x: &[f32], y: &mut [f32]) {
    map(
        y,
        false,
        x,
        #[inline(always)]
        |x| if x < 0.0 { 0.0 } else { x },
    );
}

/// The gradient is 0 at 0.
pub(crate) fn relu_backward(y: &[f32], dy: &[f32], dx: &mut [f32], accumulate: bool) {
    zip(
        dx,
        accumulate,
        y,
        dy,
        #[inline(always)]
        |y, dy| if y > 0.0 { dy } else { 0.0 },
    );
}

pub(crate) fn sigmoid(x: &[f32], y: &mut [f32]) {
    map(y, false, x, simd::sigmoid);
}

pub(crate) fn sigmoid_backward(y: &[f32], dy: &[f32], dx: &mut [f32], accumulate: bool) {
    zip(
        dx,
        accumulate,
        y,
        dy,
        #[inline(always)]
        |y, dy| dy * y * (1.0 - y),
    );
}

pub(crate) fn square(x: &[f32], y: &mut [f32]) {
    map(
        y,
        false,
        x,
        #[inline(always)]
        |x| x * x,
    );
}

pub(crate) fn square_backward(x: &[f32], dy: &[f32], dx: &mut [f32], accumulate: bool) {
    mul_scaled(x, dy, 2.0, dx, accumulate);
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

fn mul_scaled(a: &[f32], b: &[f32], scale: f32, y: &mut [f32], accumulate: bool) {
    zip(
        y,
        accumulate,
        a,
        b,
        #[inline(always)]
        |a, b| scale * a * b,
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
