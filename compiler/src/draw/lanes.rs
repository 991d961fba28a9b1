//! Lanes beside the blocks: what a block hands to later ones runs down the side, as on a circuit board, and is tapped
//! where it is read.

/// What one part hands to parts of other bands.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// From the lower border of its band to the upper border of the last one that reads it.
    pub top: f64,
    pub bottom: f64,
    /// Right of the blocks, or left.
    pub right: bool,
}

/// For each run its lane, 0 next to the blocks: runs in one lane do not meet.
pub(super) fn assign(runs: &[Run]) -> Vec<usize> {
    let mut lanes = vec![0; runs.len()];
    // Short ones first, so that they stay close.
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|&a, &b| {
        let length = |i: usize| runs[i].bottom - runs[i].top;
        length(a).total_cmp(&length(b)).then(a.cmp(&b))
    });
    let mut taken: Vec<usize> = Vec::new();
    for run in order {
        let meets = |&other: &usize| {
            let (a, b) = (&runs[run], &runs[other]);
            a.right == b.right && a.top < b.bottom && b.top < a.bottom
        };
        let used: Vec<usize> = taken.iter().filter(|other| meets(other)).map(|&other| lanes[other]).collect();
        lanes[run] = (0..).find(|lane| !used.contains(lane)).unwrap_or(0);
        taken.push(run);
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_meet_have_lanes_of_their_own() {
        let run = |top: f64, bottom: f64, right| Run { top, bottom, right };
        let runs = [run(0.0, 100.0, false), run(10.0, 20.0, false), run(30.0, 40.0, false), run(0.0, 100.0, true)];
        assert_eq!(assign(&runs), [1, 0, 0, 0]);
    }
}
