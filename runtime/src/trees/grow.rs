//! One tree: the leaf whose split gains most is split, until there are enough leaves or nothing is gained.

use rayon::prelude::*;

use super::columns::Edges;
use super::growth::Growth;

/// First and second derivative of the loss.
pub(super) type Slope = [f64; 2];

/// A tree; its first node is the root.
#[derive(Clone, Debug)]
pub(super) struct Tree(Vec<Node>);

#[derive(Clone, Copy, Debug)]
enum Node {
    /// The value of a leaf.
    Leaf(f32),
    /// Numbers of a column up to an edge, and those of a bin up to it, go to the node `left`, others to the one behind it.
    Split { column: u32, bin: u8, edge: f32, left: u32 },
}

impl Tree {
    /// What it adds to the logit of a row: `number` gives that of a column.
    pub fn value(&self, number: impl Fn(usize) -> f32) -> f32 {
        self.follow(|column, _, edge| number(column) <= edge)
    }

    /// The same by bins.
    pub fn value_of_bins(&self, bin_of: impl Fn(usize) -> u8) -> f32 {
        self.follow(|column, bin, _| bin_of(column) <= bin)
    }

    fn follow(&self, goes_left: impl Fn(usize, u8, f32) -> bool) -> f32 {
        let mut at = 0;
        loop {
            match self.0[at] {
                Node::Leaf(value) => return value,
                Node::Split { column, bin, edge, left } => {
                    at = left as usize + usize::from(!goes_left(column as usize, bin, edge));
                }
            }
        }
    }
}

/// What a tree is grown on.
pub(super) struct Ground<'a> {
    pub edges: &'a Edges,
    /// Of each column the bin of each row.
    pub bins: &'a [Vec<u8>],
    /// Of each row.
    pub slopes: &'a [Slope],
    /// The columns that it may split by, rising.
    pub columns: &'a [usize],
    pub growth: &'a Growth,
}

/// A leaf that may be split.
struct Leaf {
    node: usize,
    rows: Vec<u32>,
    sum: Slope,
    histograms: Vec<Vec<Slope>>,
    best: Option<Split>,
}

#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    column: usize,
    bin: u8,
}

impl Ground<'_> {
    /// A tree over these rows.
    pub fn grow(&self, rows: Vec<u32>) -> Tree {
        let mut tree = vec![Node::Leaf(0.0)];
        let histograms = self.histograms(&rows);
        let mut leaves = vec![self.leaf(0, rows, histograms)];
        while leaves.len() < self.growth.leaves {
            let gain = |leaf: &Leaf| leaf.best.map_or(0.0, |best| best.gain);
            // The first of several that gain as much.
            let most = leaves.iter().enumerate().rev().max_by(|(_, a), (_, b)| gain(a).total_cmp(&gain(b)));
            let Some((at, Split { column, bin, .. })) = most.and_then(|(at, leaf)| Some((at, leaf.best?))) else {
                break;
            };
            let Leaf { node, rows, mut histograms, .. } = leaves.swap_remove(at);
            let (left, right): (Vec<u32>, Vec<u32>) =
                rows.into_iter().partition(|&row| self.bins[column][row as usize] <= bin);
            let first = tree.len();
            tree[node] =
                Node::Split { column: column as u32, bin, edge: self.edges.edge(column, bin), left: first as u32 };
            tree.extend([Node::Leaf(0.0); 2]);
            // The larger one has what the smaller one leaves of their parent's.
            let small = self.histograms(if left.len() <= right.len() { &left } else { &right });
            for (all, small) in histograms.iter_mut().zip(&small) {
                all.iter_mut().zip(small).for_each(|(all, small)| *all = [all[0] - small[0], all[1] - small[1]]);
            }
            let (of_left, of_right) = if left.len() <= right.len() { (small, histograms) } else { (histograms, small) };
            leaves.push(self.leaf(first, left, of_left));
            leaves.push(self.leaf(first + 1, right, of_right));
        }
        for leaf in &leaves {
            tree[leaf.node] = Node::Leaf((-self.growth.rate * leaf.sum[0] / (leaf.sum[1] + self.growth.l2)) as f32);
        }
        Tree(tree)
    }

    fn leaf(&self, node: usize, rows: Vec<u32>, histograms: Vec<Vec<Slope>>) -> Leaf {
        let sum = rows.iter().fold([0.0; 2], |sum, &row| plus(sum, self.slopes[row as usize]));
        let each: Vec<Option<Split>> = (self.columns.par_iter().zip(&histograms))
            .map(|(&column, histogram)| self.best_of(column, histogram, sum))
            .collect();
        // The first column of several that gain as much.
        let best = each.into_iter().flatten().rev().max_by(|a, b| a.gain.total_cmp(&b.gain));
        Leaf { node, rows, sum, histograms, best }
    }

    /// Of each column the sums of each bin.
    fn histograms(&self, rows: &[u32]) -> Vec<Vec<Slope>> {
        let slopes: Vec<Slope> = rows.iter().map(|&row| self.slopes[row as usize]).collect();
        let each = self.columns.par_iter().map(|&column| {
            let bins = &self.bins[column];
            let mut sums = vec![[0.0; 2]; self.edges.bins(column)];
            for (&row, &slope) in rows.iter().zip(&slopes) {
                let sum = &mut sums[usize::from(bins[row as usize])];
                *sum = plus(*sum, slope);
            }
            sums
        });
        each.collect()
    }

    /// The split of a column that gains most, if one gains anything.
    fn best_of(&self, column: usize, histogram: &[Slope], sum: Slope) -> Option<Split> {
        let score = |[first, second]: Slope| first * first / (second + self.growth.l2);
        let whole = score(sum);
        let mut left = [0.0; 2];
        let mut best: Option<Split> = None;
        for (bin, &of_bin) in histogram.iter().enumerate().take(histogram.len().saturating_sub(1)) {
            left = plus(left, of_bin);
            let right = [sum[0] - left[0], sum[1] - left[1]];
            if right[1] < self.growth.least {
                break;
            }
            let gain = score(left) + score(right) - whole;
            if left[1] >= self.growth.least && gain > 1e-6 && best.is_none_or(|best| gain > best.gain) {
                best = Some(Split { gain, column, bin: bin as u8 });
            }
        }
        best
    }
}

fn plus(a: Slope, b: Slope) -> Slope {
    [a[0] + b[0], a[1] + b[1]]
}
