//! Where everything stands: bands one below the other, each laid out by itself, tied together by lanes at the sides.

use std::collections::{BTreeMap, BTreeSet};

use super::Role;
use super::fold::{Figure, Link, Part};
use super::lanes::{self, Run};
use super::layers::{self, Band};

pub(super) type Point = (f64, f64);

/// What is drawn where.
#[derive(Clone, Debug, Default)]
pub(super) struct Placed {
    pub width: f64,
    pub height: f64,
    /// Middle of the upper edge, width and height of each part.
    pub parts: Vec<(Point, f64, f64)>,
    /// Lines inside of bands, with an index into the links.
    pub curves: Vec<Wire>,
    /// Lines between bands.
    pub wires: Vec<Wire>,
    /// Where a lane is tapped.
    pub taps: Vec<Tap>,
    pub boxes: Vec<Frame>,
}

/// A line from part to part, or a piece of one.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub points: Vec<Point>,
    pub sparse: bool,
    pub gated: bool,
    pub live: bool,
    /// Whether it ends at a part.
    pub arrow: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Tap {
    pub at: Point,
    pub sparse: bool,
    pub live: bool,
}

/// The box of a block, or the room of what is outside of blocks.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub block: Option<usize>,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// Indices of the choices that are written at its side.
    pub pills: Vec<usize>,
}

pub(super) const TITLE: f64 = 17.0;
pub(super) const LINE: f64 = 14.5;
/// Below a part, for its shape.
pub(super) const SHAPE: f64 = 14.0;
pub(super) const PILL: f64 = 22.0;
const PAD: f64 = 18.0;
const MARGIN: f64 = 28.0;
/// Space of the heading.
pub(super) const HEAD: f64 = 74.0;
const LANE: f64 = 13.0;
const STEP: f64 = 9.0;

/// About how wide a text is.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let narrow = |c: char| "iljtfr.,:;|()[] 1'".contains(c);
    text.chars()
        .map(|c| {
            if narrow(c) {
                0.4
            } else if c.is_uppercase() || "mw—…".contains(c) {
                0.78
            } else {
                0.6
            }
        })
        .sum::<f64>()
        * size
}

/// Width and height of a part without its shape.
fn size(part: &Part) -> (f64, f64) {
    let lines = part.lines.iter().map(|line| text_width(&line.text, 11.0) + if line.made { 10.0 } else { 0.0 });
    let widest = lines.fold(text_width(&part.title, 13.5), f64::max);
    // Slanted sides take room.
    let sides = if matches!(part.role, Role::Choose | Role::Pick | Role::Repeat) { 44.0 } else { 22.0 };
    let shape = text_width(&part.shape, 10.5) + 16.0;
    ((widest + sides).max(70.0).max(shape), 12.0 + TITLE + LINE * part.lines.len() as f64)
}

/// A band of parts: an instance of a block, or what stands outside between two of them.
struct Room {
    block: Option<usize>,
    parts: Vec<usize>,
}

/// What stands before, in and after each block: what a block needs stands before it.
fn rooms(figure: &Figure) -> Vec<Room> {
    let mut placed = vec![false; figure.parts.len()];
    let mut reads: Vec<Vec<usize>> = vec![Vec::new(); figure.parts.len()];
    figure.links.iter().for_each(|link| reads[link.to].push(link.from));
    let mut rooms = Vec::new();
    let blocks: Vec<usize> =
        (0..figure.blocks.len()).filter(|&b| figure.parts.iter().any(|part| part.block == Some(b))).collect();
    for block in blocks {
        let mut needed: BTreeSet<usize> = BTreeSet::new();
        let mut left: Vec<usize> = (0..placed.len()).filter(|&p| figure.parts[p].block == Some(block)).collect();
        let inside = left.clone();
        while let Some(part) = left.pop() {
            for &from in &reads[part] {
                if figure.parts[from].block.is_none() && !placed[from] && needed.insert(from) {
                    left.push(from);
                }
            }
        }
        for parts in [needed.into_iter().collect::<Vec<_>>(), inside] {
            if let Some(&first) = parts.first() {
                parts.iter().for_each(|&part| placed[part] = true);
                rooms.push(Room { block: figure.parts[first].block, parts });
            }
        }
    }
    let parts: Vec<usize> = (0..placed.len()).filter(|&part| !placed[part]).collect();
    if !parts.is_empty() {
        rooms.push(Room { block: None, parts });
    }
    rooms
}

pub(super) fn place(figure: &Figure) -> Placed {
    let rooms = rooms(figure);
    let sizes: Vec<(f64, f64)> = figure.parts.iter().map(size).collect();
    let room_of: BTreeMap<usize, usize> =
        rooms.iter().enumerate().flat_map(|(at, room)| room.parts.iter().map(move |&part| (part, at))).collect();
    let crosses = |link: &&Link| room_of[&link.from] != room_of[&link.to];
    let (mut enters, mut leaves) = (vec![false; sizes.len()], vec![false; sizes.len()]);
    for link in figure.links.iter().filter(crosses) {
        (enters[link.to], leaves[link.from]) = (true, true);
    }
    let laid: Vec<(layers::Layout, Vec<usize>)> = rooms
        .iter()
        .map(|room| {
            let index: BTreeMap<usize, usize> = room.parts.iter().enumerate().map(|(at, &part)| (part, at)).collect();
            let inner: Vec<usize> = (0..figure.links.len())
                .filter(|&l| index.contains_key(&figure.links[l].from) && index.contains_key(&figure.links[l].to))
                .collect();
            let band = Band {
                sizes: room.parts.iter().map(|&part| (sizes[part].0, sizes[part].1 + SHAPE)).collect(),
                edges: inner.iter().map(|&l| (index[&figure.links[l].from], index[&figure.links[l].to])).collect(),
                enters: room.parts.iter().map(|&part| enters[part]).collect(),
                leaves: room.parts.iter().map(|&part| leaves[part]).collect(),
            };
            (layers::lay_out(&band), inner)
        })
        .collect();
    let pills: Vec<Vec<usize>> = rooms
        .iter()
        .enumerate()
        .map(|(at, room)| {
            // What belongs to no block stands at the first room outside of blocks.
            let first = rooms.iter().position(|room| room.block.is_none()) == Some(at);
            (0..figure.pills.len())
                .filter(|&p| figure.pills[p].block == room.block && (room.block.is_some() || first))
                .collect()
        })
        .collect();
    let side = side_width(figure);
    let widest = laid.iter().map(|(layout, _)| layout.width).fold(0.0, f64::max);
    let frame_width = widest + side + 2.0 * PAD;

    // From top to bottom; x is right of the left lanes, which are not known yet.
    let mut placed = Placed { parts: vec![((0.0, 0.0), 0.0, 0.0); sizes.len()], ..Placed::default() };
    let mut y = HEAD;
    let mut entry_y: BTreeMap<usize, f64> = BTreeMap::new();
    let mut exit_y: BTreeMap<usize, f64> = BTreeMap::new();
    let mut origins: Vec<Point> = Vec::new();
    for ((room, (layout, _)), pills) in rooms.iter().zip(&laid).zip(pills) {
        for &part in room.parts.iter().filter(|&&part| enters[part]) {
            y += STEP;
            entry_y.insert(part, y);
        }
        y += STEP;
        let needed = 34.0 + PILL * pills.len() as f64;
        let height =
            (layout.height + 2.0 * PAD).max(if room.block.is_some() || !pills.is_empty() { needed } else { 0.0 });
        let x = side + PAD + (widest - layout.width) / 2.0;
        origins.push((x, y + PAD + (height - 2.0 * PAD - layout.height) / 2.0));
        placed.boxes.push(Frame { block: room.block, x: 0.0, y, width: frame_width, height, pills });
        y += height;
        for &part in room.parts.iter().filter(|&&part| leaves[part]) {
            y += STEP;
            exit_y.insert(part, y);
        }
        y += STEP;
    }
    for ((room, (layout, inner)), &(x, y)) in rooms.iter().zip(&laid).zip(&origins) {
        for (at, &part) in room.parts.iter().enumerate() {
            placed.parts[part] = ((layout.at[at].0 + x, layout.at[at].1 + y), sizes[part].0, sizes[part].1);
        }
        for (points, &link) in layout.edges.iter().zip(inner) {
            let link = &figure.links[link];
            let points = from_part(points.iter().map(|p| (p.0 + x, p.1 + y)).collect());
            placed.curves.push(Wire {
                points,
                sparse: is_sparse(link),
                gated: link.gated,
                live: link.live,
                arrow: true,
            });
        }
    }
    wire(figure, &rooms, &laid, &origins, (&entry_y, &exit_y), frame_width, &mut placed);
    let left = placed.wires.iter().flat_map(|wire| &wire.points).map(|p| p.0).fold(0.0, f64::min);
    let right = placed.wires.iter().flat_map(|wire| &wire.points).map(|p| p.0).fold(frame_width, f64::max);
    placed.shift(MARGIN - left);
    placed.width = right - left + 2.0 * MARGIN;
    placed.height = y + MARGIN;
    placed
}

/// What ties the rooms together.
fn wire(
    figure: &Figure,
    rooms: &[Room],
    laid: &[(layers::Layout, Vec<usize>)],
    origins: &[Point],
    (entry_y, exit_y): (&BTreeMap<usize, f64>, &BTreeMap<usize, f64>),
    frame_width: f64,
    placed: &mut Placed,
) {
    let mut trunk_in: BTreeMap<usize, Vec<Point>> = BTreeMap::new();
    let mut trunk_out: BTreeMap<usize, Vec<Point>> = BTreeMap::new();
    for ((room, (layout, _)), &(x, y)) in rooms.iter().zip(laid).zip(origins) {
        let moved = |points: &Vec<Point>| points.iter().map(|p| (p.0 + x, p.1 + y)).collect::<Vec<_>>();
        for (at, &part) in room.parts.iter().enumerate() {
            if let Some(&from) = entry_y.get(&part) {
                let mut points = moved(&layout.entries[at]);
                points.insert(0, (points[0].0, from));
                trunk_in.insert(part, points);
            }
            if let Some(&to) = exit_y.get(&part) {
                let mut points = from_part(moved(&layout.exits[at]));
                points.push((points.last().map_or(0.0, |p| p.0), to));
                trunk_out.insert(part, points);
            }
        }
    }
    let room_of: BTreeMap<usize, usize> =
        rooms.iter().enumerate().flat_map(|(at, room)| room.parts.iter().map(move |&part| (part, at))).collect();
    let mut leaving: BTreeMap<usize, Vec<&Link>> = BTreeMap::new();
    let mut coming: BTreeMap<usize, Vec<&Link>> = BTreeMap::new();
    for link in figure.links.iter().filter(|link| room_of[&link.from] != room_of[&link.to]) {
        leaving.entry(link.from).or_default().push(link);
        coming.entry(link.to).or_default().push(link);
    }
    let crossing = |from: usize| leaving.get(&from).into_iter().flatten().copied();
    let sources: Vec<usize> = exit_y.keys().copied().collect();
    let runs: Vec<Run> = sources
        .iter()
        .map(|&from| Run {
            top: exit_y[&from],
            bottom: crossing(from).map(|link| entry_y[&link.to]).fold(exit_y[&from], f64::max),
            right: crossing(from).any(is_sparse),
        })
        .collect();
    let lanes = lanes::assign(&runs);
    for ((&from, run), lane) in sources.iter().zip(&runs).zip(lanes) {
        let away = 16.0 + LANE * lane as f64;
        let x = if run.right { frame_width + away } else { -away };
        let live = crossing(from).any(|link| link.live);
        let line = |points: Vec<Point>, live, gated, arrow| Wire { points, sparse: run.right, gated, live, arrow };
        let mut out = trunk_out[&from].clone();
        out.push((x, run.top));
        placed.wires.push(line(out, live, false, false));
        // The part that the architecture uses, and the rest.
        let used = crossing(from).filter(|link| link.live).map(|link| entry_y[&link.to]).fold(run.top, f64::max);
        placed.wires.push(line(vec![(x, used), (x, run.bottom)], false, false, false));
        placed.wires.push(line(vec![(x, run.top), (x, used)], live, false, false));
        for link in crossing(from) {
            let trunk = &trunk_in[&link.to];
            placed.wires.push(line(vec![(x, trunk[0].1), trunk[0]], link.live, link.gated, false));
            placed.taps.push(Tap { at: (x, trunk[0].1), sparse: run.right, live: link.live });
        }
    }
    for (part, points) in trunk_in {
        let (mut live, mut sparse) = (false, false);
        for link in coming.get(&part).into_iter().flatten() {
            live |= link.live;
            sparse |= is_sparse(link);
        }
        placed.wires.push(Wire { points, sparse, gated: false, live, arrow: true });
    }
}

/// A line starts at the part itself, beside its shape.
fn from_part(mut points: Vec<Point>) -> Vec<Point> {
    if let Some(&(x, y)) = points.first() {
        points.insert(0, (x, y - SHAPE));
    }
    points
}

fn is_sparse(link: &Link) -> bool {
    link.tensor != crate::ir::TensorKind::Dense
}

/// Room for a block's name and its choices beside it.
fn side_width(figure: &Figure) -> f64 {
    let pills = figure.pills.iter().map(|pill| text_width(&pill.line.text, 11.0) + 34.0);
    let names = figure.blocks.iter().map(|block| text_width(block, 14.0) + 24.0);
    pills.chain(names).fold(0.0, f64::max)
}

impl Placed {
    fn shift(&mut self, by: f64) {
        self.parts.iter_mut().for_each(|part| part.0.0 += by);
        self.boxes.iter_mut().for_each(|frame| frame.x += by);
        self.taps.iter_mut().for_each(|tap| tap.at.0 += by);
        self.curves.iter_mut().chain(&mut self.wires).flat_map(|wire| &mut wire.points).for_each(|point| point.0 += by);
    }
}
