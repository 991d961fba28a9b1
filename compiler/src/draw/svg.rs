//! The picture written out.

use std::fmt::Write;

use super::fold::{Figure, Part};
use super::ink::STYLE;
use super::place::{Frame, LINE, PILL, Placed, Point, TITLE, Wire, text_width};
use super::{Drawing, Role};

/// Height of the legend.
const LEGEND: f64 = 44.0;

pub(super) fn write(drawing: &Drawing<'_>, figure: &Figure, placed: &Placed) -> String {
    let entries = legend(figure, drawing.architecture.is_some());
    let widths: Vec<f64> = entries.iter().map(|(_, words)| 46.0 + text_width(words, 11.0)).collect();
    let heading = text_width(&drawing.title, 19.0).max(text_width(&drawing.subtitle, 12.5)) + 60.0;
    let width = placed.width.max(widths.iter().sum::<f64>() + 60.0).max(heading).round();
    let height = (placed.height + LEGEND).round();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n",
        escaped(&drawing.title)
    );
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("<rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>"));
    line(format!("<text class=\"head\" x=\"28\" y=\"34\">{}</text>", escaped(&drawing.title)));
    line(format!("<text class=\"sub\" x=\"28\" y=\"54\">{}</text>", escaped(&drawing.subtitle)));
    let shift = ((width - placed.width) / 2.0).max(0.0);
    line(format!("<g transform=\"translate({} 0)\">", number(shift)));
    for frame in &placed.boxes {
        line(framed(figure, frame));
    }
    // The dead first, so that what is live lies above it.
    for live in [false, true] {
        for (wires, angular) in [(&placed.wires, true), (&placed.curves, false)] {
            for wire in wires.iter().filter(|wire| wire.live == live) {
                line(wired(wire, angular, drawing.architecture.is_some()));
            }
        }
        for tap in placed.taps.iter().filter(|tap| tap.live == live) {
            let class = format!("tap{}{}", if tap.sparse { " sparse" } else { "" }, if live { "" } else { " dead" });
            let (x, y) = (number(tap.at.0), number(tap.at.1));
            line(format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"2.6\"/>"));
        }
    }
    for (part, &(at, width, height)) in figure.parts.iter().zip(&placed.parts) {
        line(drawn(part, at, width, height, drawing.architecture.is_some()));
    }
    line("</g>".to_owned());
    let mut x = 28.0;
    let y = placed.height + 8.0;
    for ((class, words), width) in entries.iter().zip(widths) {
        line(sample(class, x, y));
        line(format!(
            "<text class=\"line\" x=\"{}\" y=\"{}\">{}</text>",
            number(x + 34.0),
            number(y + 4.0),
            escaped(words)
        ));
        x += width;
    }
    line("</svg>".to_owned());
    out
}

/// The box of a block with its name and its choices of sizes.
fn framed(figure: &Figure, frame: &Frame) -> String {
    let (x, y) = (frame.x, frame.y);
    let mut out = String::new();
    if let Some(block) = frame.block {
        let _written = write!(
            out,
            "<rect class=\"frame\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
             <text class=\"name\" x=\"{}\" y=\"{}\">{}</text>",
            number(x),
            number(y),
            number(frame.width),
            number(frame.height),
            number(x + 12.0),
            number(y + 22.0),
            escaped(&figure.blocks[block])
        );
    }
    for (at, &pill) in frame.pills.iter().enumerate() {
        let pill = &figure.pills[pill];
        let top = y + 32.0 + PILL * at as f64;
        let _written = write!(
            out,
            "\n<g{}><title>{}</title><rect class=\"pill\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"18\" rx=\"9\"/>\
             <text class=\"{}\" x=\"{}\" y=\"{}\">{}</text></g>",
            if pill.live { "" } else { " class=\"dead\"" },
            escaped(&pill.tooltip),
            number(x + 10.0),
            number(top),
            number(text_width(&pill.line.text, 11.0) + if pill.line.made { 24.0 } else { 18.0 }),
            if pill.line.made { "made" } else { "line" },
            number(x + 19.0),
            number(top + 13.0),
            escaped(&pill.line.text)
        );
    }
    out
}

/// A line: right angles between rooms, curves inside of them.
fn wired(wire: &Wire, angular: bool, highlighted: bool) -> String {
    let class = [
        Some("wire"),
        wire.sparse.then_some("sparse"),
        wire.gated.then_some("gated"),
        (highlighted && wire.live).then_some("live"),
        (!wire.live).then_some("dead"),
    ];
    let class: Vec<&str> = class.into_iter().flatten().collect();
    let mut path = String::new();
    for (at, &(x, y)) in wire.points.iter().enumerate() {
        let (shown_x, shown_y) = (number(x), number(y));
        let _written = match at.checked_sub(1).map(|before| wire.points[before]) {
            None => write!(path, "M{shown_x} {shown_y}"),
            Some((from_x, from_y)) if angular && (from_y == y || from_x == x) => write!(path, "L{shown_x} {shown_y}"),
            Some((from_x, _)) if from_x == x => write!(path, "L{shown_x} {shown_y}"),
            Some((from_x, from_y)) => {
                let middle = number((from_y + y) / 2.0);
                write!(path, "C{} {middle} {shown_x} {middle} {shown_x} {shown_y}", number(from_x))
            }
        };
    }
    let line = format!("<path class=\"{}\" d=\"{path}\"/>", class.join(" "));
    match wire.points.last() {
        Some(&(x, y)) if wire.arrow => {
            let class =
                format!("arrow{}{}", if wire.sparse { " sparse" } else { "" }, if wire.live { "" } else { " dead" });
            let (left, right, top) = (number(x - 3.6), number(x + 3.6), number(y - 7.0));
            let tip = format!("M{left} {top}L{right} {top}L{} {}Z", number(x), number(y));
            format!("{line}<path class=\"{class}\" d=\"{tip}\"/>")
        }
        _ => line,
    }
}

/// A part: its outline by what it is, its words, its shape below.
fn drawn(part: &Part, (middle, top): Point, width: f64, height: f64, highlighted: bool) -> String {
    let dead = if part.live { "" } else { " class=\"dead\"" };
    let mut out = format!("<g{dead}><title>{}</title>", escaped(&part.tooltip));
    let thick = if highlighted && part.live { " style=\"stroke-width: 2\"" } else { "" };
    out.push_str(&outline(part.role, middle - width / 2.0, top, width, height, thick));
    let mut y = top + 6.0 + TITLE - 4.0;
    let mut word = |class: &str, text: &str| {
        let _written = write!(
            out,
            "<text class=\"{class}\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text>",
            number(middle),
            number(y),
            escaped(text)
        );
        y += LINE;
    };
    word("title", &part.title);
    for line in &part.lines {
        if line.made {
            word("made", &format!("= {}", line.text));
        } else {
            word("line", &line.text);
        }
    }
    let _written = write!(
        out,
        "<text class=\"shape\" x=\"{}\" y=\"{}\">{}</text></g>",
        number(middle + 6.0),
        number(top + height + 11.0),
        escaped(&part.shape)
    );
    out
}

fn outline(role: Role, x: f64, y: f64, width: f64, height: f64, style: &str) -> String {
    let (right, bottom) = (x + width, y + height);
    let points = |all: &[Point]| {
        let all: Vec<String> = all.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect();
        format!("<polygon class=\"choice\" points=\"{}\"{style}/>", all.join(" "))
    };
    let slope = 14.0_f64.min(width / 4.0);
    let half = y + height / 2.0;
    match role {
        // One of several comes out: a hexagon.
        Role::Choose | Role::Repeat => points(&[
            (x + slope, y),
            (right - slope, y),
            (right, half),
            (right - slope, bottom),
            (x + slope, bottom),
            (x, half),
        ]),
        // Many come in, fewer go on: a funnel.
        Role::Pick => points(&[(x, y), (right, y), (right - slope, bottom), (x + slope, bottom)]),
        _ => {
            let (class, radius) = match role {
                Role::Maybe => ("maybe", 6.0),
                Role::Input => ("input", height / 2.0),
                Role::Logit => ("logit", 6.0),
                _ => ("operator", 4.0),
            };
            format!(
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"{style}/>",
                number(x),
                number(y),
                number(width),
                number(height),
                number(radius.min(16.0))
            )
        }
    }
}

/// What the figure has of the kinds of things, with its words.
fn legend(figure: &Figure, highlighted: bool) -> Vec<(&'static str, &'static str)> {
    let has = |role: Role| figure.parts.iter().any(|part| part.role == role);
    let mut entries = Vec::new();
    for (shown, class, words) in [
        (has(Role::Input), "input", "input"),
        (has(Role::Operator), "operator", "operator"),
        (has(Role::Pick), "pick", "pick"),
        (has(Role::Choose) || has(Role::Repeat), "choose", "choose, repeat"),
        (has(Role::Maybe), "maybe", "maybe"),
        (!figure.pills.is_empty(), "pill", "size"),
        (true, "dense", "dense"),
        (figure.links.iter().any(|link| link.tensor != crate::ir::TensorKind::Dense), "sparse", "sparse"),
        (figure.links.iter().any(|link| link.gated), "gated", "if chosen"),
        (highlighted, "live", "in the architecture"),
    ] {
        if shown {
            entries.push((class, words));
        }
    }
    entries
}

fn sample(class: &str, x: f64, y: f64) -> String {
    let role = match class {
        "input" => Role::Input,
        "operator" => Role::Operator,
        "pick" => Role::Pick,
        "choose" => Role::Choose,
        "maybe" => Role::Maybe,
        "pill" => {
            let (x, y) = (number(x), number(y - 6.0));
            return format!("<rect class=\"pill\" x=\"{x}\" y=\"{y}\" width=\"28\" height=\"12\" rx=\"6\"/>");
        }
        _ => {
            let class = if class == "dense" { "wire".to_owned() } else { format!("wire {class}") };
            let (y, end) = (number(y), number(x + 28.0));
            return format!("<path class=\"{class}\" d=\"M{} {y}L{end} {y}\"/>", number(x));
        }
    };
    outline(role, x, y - 7.0, 28.0, 14.0, "")
}

/// A number with at most one digit after the point, so that pictures are small and the same everywhere.
fn number(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    if tenths % 10 == 0 { (tenths / 10).to_string() } else { format!("{:.1}", tenths as f64 / 10.0) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
