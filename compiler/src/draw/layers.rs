//! A layered drawing of one band: ranks by longest path, order by barycentres, places that straighten what is long.

/// Space between two things in a layer.
const GAP: f64 = 26.0;
/// Space between layers, where edges turn.
pub(super) const BETWEEN: f64 = 40.0;
/// Passes over all layers.
const SWEEPS: usize = 12;
/// What an edge that passes a layer is wide.
const THREAD: f64 = 6.0;

/// What is laid out.
#[derive(Clone, Debug, Default)]
pub(super) struct Band {
    /// Width and height of each node.
    pub sizes: Vec<(f64, f64)>,
    pub edges: Vec<(usize, usize)>,
    /// Whether something from above comes in, and whether something goes out below.
    pub enters: Vec<bool>,
    pub leaves: Vec<bool>,
}

/// Where everything is, from the band's left upper corner.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    /// Middle of each node's upper edge.
    pub at: Vec<(f64, f64)>,
    /// For each edge, the points that it passes, from the lower edge of one node to the upper edge of another.
    pub edges: Vec<Vec<(f64, f64)>>,
    /// From the upper border to the node, where something comes in.
    pub entries: Vec<Vec<(f64, f64)>>,
    /// From the node to the lower border, where something goes out.
    pub exits: Vec<Vec<(f64, f64)>>,
    pub width: f64,
    pub height: f64,
}

/// A place in a layer: a node, or an edge that passes.
struct Slot {
    width: f64,
    height: f64,
    /// Index of the node; `None` for an edge that passes.
    node: Option<usize>,
    up: Vec<usize>,
    down: Vec<usize>,
    x: f64,
}

pub(super) fn lay_out(band: &Band) -> Layout {
    let count = band.sizes.len();
    let ranks = ranks(band);
    let depth = ranks.iter().max().map_or(0, |deepest| deepest + 1);
    let mut slots: Vec<Slot> = Vec::new();
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); depth];
    for node in 0..count {
        let (width, height) = band.sizes[node];
        slots.push(Slot { width, height, node: Some(node), up: Vec::new(), down: Vec::new(), x: 0.0 });
        layers[ranks[node]].push(node);
    }
    // A chain of passing places from one layer to another, and how it is tied to its ends.
    let mut thread = |from: Option<usize>, to: Option<usize>, range: std::ops::Range<usize>| -> Vec<usize> {
        let mut chain: Vec<usize> = from.into_iter().collect();
        for layer in range {
            layers[layer].push(slots.len());
            chain.push(slots.len());
            slots.push(Slot { width: THREAD, height: 0.0, node: None, up: Vec::new(), down: Vec::new(), x: 0.0 });
        }
        chain.extend(to);
        for pair in chain.windows(2) {
            slots[pair[0]].down.push(pair[1]);
            slots[pair[1]].up.push(pair[0]);
        }
        chain
    };
    let edges: Vec<Vec<usize>> =
        band.edges.iter().map(|&(a, b)| thread(Some(a), Some(b), ranks[a] + 1..ranks[b].max(ranks[a] + 1))).collect();
    let entries: Vec<Vec<usize>> = (0..count)
        .map(|node| if band.enters[node] { thread(None, Some(node), 0..ranks[node]) } else { Vec::new() })
        .collect();
    let exits: Vec<Vec<usize>> = (0..count)
        .map(|node| if band.leaves[node] { thread(Some(node), None, ranks[node] + 1..depth) } else { Vec::new() })
        .collect();
    order(&mut layers, &slots);
    settle(&layers, &mut slots);

    let mut tops = Vec::new();
    let mut y = 0.0;
    for layer in &layers {
        tops.push(y);
        let height = layer.iter().map(|&slot| slots[slot].height).fold(0.0, f64::max);
        y += height + BETWEEN;
    }
    let height = (y - BETWEEN).max(0.0);
    let left = slots.iter().map(|slot| slot.x - slot.width / 2.0).fold(f64::INFINITY, f64::min);
    let right = slots.iter().map(|slot| slot.x + slot.width / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let layer_of: Vec<usize> = {
        let mut of = vec![0; slots.len()];
        layers.iter().enumerate().for_each(|(number, layer)| layer.iter().for_each(|&slot| of[slot] = number));
        of
    };
    let bottom = |layer: usize| tops.get(layer + 1).map_or(height, |top| top - BETWEEN);
    // Points of a chain: where it leaves a node, both ends of each place that it passes, where it comes to a node.
    let points = |chain: &[usize]| -> Vec<(f64, f64)> {
        let mut points = Vec::new();
        for (at, &slot) in chain.iter().enumerate() {
            let (x, layer) = (slots[slot].x - left, layer_of[slot]);
            match slots[slot].node {
                Some(_) if at + 1 == chain.len() && chain.len() > 1 => points.push((x, tops[layer])),
                Some(_) => points.push((x, tops[layer] + slots[slot].height)),
                None => points.extend([(x, tops[layer]), (x, bottom(layer))]),
            }
        }
        points
    };
    let to_border = |chain: &Vec<usize>| -> Vec<(f64, f64)> {
        let Some(&last) = chain.last() else { return Vec::new() };
        let mut points = points(chain);
        // A chain that is only its node ends at that node's upper edge.
        if chain.len() == 1 && slots[last].node.is_some() {
            points = vec![(slots[last].x - left, tops[layer_of[last]])];
        }
        let x = points[0].0;
        points.insert(0, (x, 0.0));
        points
    };
    let from_border = |chain: &Vec<usize>| -> Vec<(f64, f64)> {
        if chain.is_empty() {
            return Vec::new();
        }
        let mut points = points(chain);
        let x = points.last().map_or(0.0, |point| point.0);
        points.push((x, height));
        points
    };
    Layout {
        at: (0..count).map(|node| (slots[node].x - left, tops[layer_of[node]])).collect(),
        edges: edges.iter().map(|chain| points(chain)).collect(),
        entries: entries.iter().map(to_border).collect(),
        exits: exits.iter().map(from_border).collect(),
        width: if count == 0 { 0.0 } else { right - left },
        height,
    }
}

/// Longest paths from the top; what only hands on stands close to what reads it.
fn ranks(band: &Band) -> Vec<usize> {
    let count = band.sizes.len();
    let mut ranks = vec![0usize; count];
    // At most as many rounds as there are nodes; a path is rarely longer than a few.
    for _ in 0..count {
        let mut changed = false;
        for &(a, b) in &band.edges {
            if ranks[b] <= ranks[a] {
                ranks[b] = ranks[a] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for node in 0..count {
        let first = !band.enters[node] && !band.edges.iter().any(|&(_, b)| b == node);
        let nearest = band.edges.iter().filter(|&&(a, _)| a == node).map(|&(_, b)| ranks[b]).min();
        if let (true, Some(nearest)) = (first, nearest) {
            ranks[node] = nearest.saturating_sub(1);
        }
    }
    ranks
}

/// Orders each layer by the mean position of its neighbours, down and up, and keeps the order with fewest crossings.
fn order(layers: &mut [Vec<usize>], slots: &[Slot]) {
    let mut best = layers.to_vec();
    let mut fewest = crossings(layers, slots);
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let numbers: Vec<usize> =
            if down { (1..layers.len()).collect() } else { (0..layers.len().max(1) - 1).rev().collect() };
        for number in numbers {
            let mut place = vec![0.0; slots.len()];
            layers.iter().for_each(|layer| layer.iter().enumerate().for_each(|(at, &slot)| place[slot] = at as f64));
            let mean = |&slot: &usize| {
                let near = if down { &slots[slot].up } else { &slots[slot].down };
                let sum: f64 = near.iter().map(|&other| place[other]).sum();
                if near.is_empty() { place[slot] } else { sum / near.len() as f64 }
            };
            layers[number].sort_by(|a, b| mean(a).total_cmp(&mean(b)));
        }
        let now = crossings(layers, slots);
        if now < fewest {
            (fewest, best) = (now, layers.to_vec());
        }
    }
    layers.clone_from_slice(&best);
}

fn crossings(layers: &[Vec<usize>], slots: &[Slot]) -> usize {
    let mut place = vec![0; slots.len()];
    layers.iter().for_each(|layer| layer.iter().enumerate().for_each(|(at, &slot)| place[slot] = at));
    let mut count = 0;
    for layer in layers {
        let edges: Vec<(usize, usize)> = layer
            .iter()
            .flat_map(|&slot| slots[slot].down.iter().map(move |&other| (slot, other)))
            .map(|(a, b)| (place[a], place[b]))
            .collect();
        for (at, a) in edges.iter().enumerate() {
            count += edges[at + 1..].iter().filter(|b| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1)).count();
        }
    }
    count
}

/// Moves everything towards the mean of its neighbours, as far as the order and the widths allow.
fn settle(layers: &[Vec<usize>], slots: &mut [Slot]) {
    for layer in layers {
        let mut x = 0.0;
        for &slot in layer {
            slots[slot].x = x + slots[slot].width / 2.0;
            x += slots[slot].width + GAP;
        }
        let middle = (x - GAP) / 2.0;
        layer.iter().for_each(|&slot| slots[slot].x -= middle);
    }
    for sweep in 0..SWEEPS {
        let numbers: Vec<usize> =
            if sweep % 2 == 0 { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for number in numbers {
            let wanted: Vec<(f64, f64)> = layers[number]
                .iter()
                .map(|&slot| {
                    let it = &slots[slot];
                    let passes = |slot: usize| slots[slot].node.is_none();
                    let (mut sum, mut weight) = (0.0, 0.0);
                    for &other in it.up.iter().chain(&it.down) {
                        // What passes is drawn straight before nodes are drawn above each other.
                        let pull = match (passes(slot), passes(other)) {
                            (true, true) => 16.0,
                            (false, false) => 1.0,
                            _ => 2.0,
                        };
                        sum += pull * slots[other].x;
                        weight += pull;
                    }
                    if weight == 0.0 { (it.x, 1.0) } else { (sum / weight, weight) }
                })
                .collect();
            place_in_order(&layers[number], slots, &wanted);
        }
    }
}

/// The places closest to those wanted that keep the order and the gaps: pools of neighbours that push each other.
fn place_in_order(layer: &[usize], slots: &mut [Slot], wanted: &[(f64, f64)]) {
    let mut offsets = Vec::with_capacity(layer.len());
    let mut offset = 0.0;
    for (at, &slot) in layer.iter().enumerate() {
        if at > 0 {
            let before = &slots[layer[at - 1]];
            // Two edges that pass side by side need little room.
            let gap = if before.node.is_none() && slots[slot].node.is_none() { GAP / 3.0 } else { GAP };
            offset += (before.width + slots[slot].width) / 2.0 + gap;
        }
        offsets.push(offset);
    }
    // Each pool: sum of weighted places, weight, members.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (at, &(x, weight)) in wanted.iter().enumerate() {
        pools.push(((x - offsets[at]) * weight, weight, 1));
        while let [.., (a, wa, na), (b, wb, nb)] = *pools
            && a / wa > b / wb
        {
            pools.truncate(pools.len() - 2);
            pools.push((a + b, wa + wb, na + nb));
        }
    }
    let mut at = 0;
    for (sum, weight, members) in pools {
        for _ in 0..members {
            slots[layer[at]].x = sum / weight + offsets[at];
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_grow_along_edges_and_nothing_overlaps() {
        let band = Band {
            sizes: vec![(60.0, 20.0); 5],
            edges: vec![(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (4, 3)],
            enters: vec![false; 5],
            leaves: vec![false, false, false, true, false],
        };
        let layout = lay_out(&band);
        for &(a, b) in &band.edges {
            assert!(layout.at[a].1 < layout.at[b].1);
        }
        assert_eq!(layout.at[4].1, layout.at[1].1, "an input stands close to its reader");
        for a in 0..5 {
            for b in 0..a {
                let (p, q) = (layout.at[a], layout.at[b]);
                assert!(p.1 != q.1 || (p.0 - q.0).abs() >= 60.0 + GAP - 1e-6, "{a} and {b} overlap");
            }
        }
        assert_eq!(layout.edges[4].len(), 4, "an edge over a layer passes it");
        assert_eq!(layout.exits[3].len(), 2);
    }
}
