//! Lays a tree of brackets out in lines: what fits stays on one line, else the outermost bracket is broken first.

use super::groups::{Group, Head, Layout, Node, WIDTH, blank_between, head, node_head};

/// Indentation of a block, and of a line that goes on.
const STEP: usize = 2;

/// Where lines break among neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Breaking {
    /// Where a statement ends, and where the author broke one.
    Statements,
    /// The same, and at every `;`.
    EveryStatement,
    /// Where the author broke the list.
    AsWritten,
    /// After every comma.
    EveryElement,
    /// Nowhere.
    Inline,
}

/// What is between two neighbours.
enum Gap {
    Nothing,
    Blank,
    Line { indent: usize, empty_before: bool },
}

#[derive(Default)]
pub(super) struct Printer {
    out: String,
    column: usize,
    /// Indentation of the line at hand.
    indent: usize,
}

/// Formats the nodes of a whole file.
pub(super) fn print(nodes: &[Node<'_>]) -> String {
    let mut printer = Printer::default();
    printer.run(nodes, Breaking::Statements, 0, 0);
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    printer.out
}

impl Printer {
    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line(&mut self, indent: usize, empty_before: bool) {
        self.out.push_str(if empty_before { "\n\n" } else { "\n" });
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.indent = indent;
        self.column = indent;
    }

    /// Writes neighbours; `base` is the indentation of their lines, `tail` how much must fit behind the last of them.
    fn run(&mut self, nodes: &[Node<'_>], breaking: Breaking, base: usize, tail: usize) {
        let mut splits = LineSplits { base, every: breaking == Breaking::EveryStatement, until: 0 };
        let mut previous: Option<usize> = None;
        // A `;` that was dropped for a line break.
        let mut dropped = false;
        for (i, node) in nodes.iter().enumerate() {
            splits.enter(nodes, i, breaking);
            if node.is(";") && matches!(breaking, Breaking::Statements | Breaking::EveryStatement) {
                let next = nodes.get(i + 1);
                let parts = previous.is_some_and(|previous| nodes[previous].is_comment());
                let last = next.is_none_or(|next| next.broken_before() || next.is_comment());
                if !parts && (splits.every || last) {
                    dropped = true;
                    continue;
                }
            }
            if let Some(previous) = previous {
                let left = &nodes[previous];
                match gap(left, node, breaking, base, dropped && splits.every) {
                    Gap::Nothing => {}
                    Gap::Blank => self.write(" "),
                    Gap::Line { indent, empty_before } => {
                        // A comment beside the opening bracket does not make room for an empty line.
                        let starts = base > 0 && previous == 0 && left.is_comment() && !left.broken_before();
                        self.line(indent, empty_before && !starts);
                    }
                }
            }
            dropped = false;
            match node {
                Node::Leaf(leaf) => self.write(leaf.token.text),
                Node::Group(group) => self.group(group, self.tail(nodes, i, breaking, tail)),
            }
            previous = Some(i);
        }
    }

    /// How much must fit on the line behind node `i`: up to the next place where the line can break.
    fn tail(&self, nodes: &[Node<'_>], i: usize, breaking: Breaking, tail: usize) -> usize {
        let mut width = 0;
        for (j, node) in nodes.iter().enumerate().skip(i + 1) {
            let last = &nodes[j - 1];
            // Statements are on one line only where all of it fits.
            if node.is_comment() || node.is(";") || matches!(gap(last, node, breaking, 0, false), Gap::Line { .. }) {
                return width;
            }
            width += usize::from(blank_between(last.last(), node.first()));
            match node {
                // The branches of one `if` break together, from the first.
                Node::Group(group) if group.breakable() && !last.is("else") => return width + 1,
                node => {
                    let own = node_head(node);
                    width += own.width;
                    if own.stopped || width > WIDTH {
                        return width;
                    }
                }
            }
        }
        width + tail
    }

    fn group(&mut self, group: &Group<'_>, tail: usize) {
        self.write(group.open.token.text);
        if group.inner.is_empty() {
            self.write(if group.padded() { " " } else { "" });
        } else if group.forced || !self.fits(group, tail) && (group.breakable() || group.has_breaks()) {
            self.broken(group);
        } else {
            let padding = if group.padded() { " " } else { "" };
            self.write(padding);
            self.run(group.inline(), Breaking::Inline, self.indent, padding.len() + 1 + tail);
            self.write(padding);
        }
        self.write(group.close.token.text);
    }

    fn fits(&self, group: &Group<'_>, tail: usize) -> bool {
        let Head { width, stopped } = head(group.inline());
        let padding = usize::from(group.padded());
        let rest = if stopped { 0 } else { padding + 1 + tail };
        self.column + padding + width + rest <= WIDTH
    }

    /// A group on several lines, up to its closing bracket.
    fn broken(&mut self, group: &Group<'_>) {
        let outer = self.indent;
        let base = outer + STEP;
        let breaking = match group.layout {
            Layout::Statements if group.forced => Breaking::Statements,
            Layout::Statements => Breaking::EveryStatement,
            Layout::List { .. } if group.forced && !overflows(&group.inner, base) => Breaking::AsWritten,
            Layout::List { .. } if group.has_commas() || !group.has_breaks() => Breaking::EveryElement,
            Layout::List { .. } => Breaking::AsWritten,
        };
        if group.inner[0].is_comment() && !group.inner[0].broken_before() {
            self.write(" ");
        } else {
            self.line(base, false);
        }
        let last = &group.inner[group.inner.len() - 1];
        let adds_comma = matches!(group.layout, Layout::List { trailing_comma: true, .. })
            && breaking == Breaking::EveryElement
            && !last.is(",")
            && !last.is_comment();
        // The comma must fit as well: formatted again, it is there from the start.
        self.run(&group.inner, breaking, base, usize::from(adds_comma));
        if adds_comma {
            self.write(",");
        }
        self.line(outer, false);
    }
}

/// Whether the line at hand has to be split at its `;`.
struct LineSplits {
    base: usize,
    every: bool,
    /// The node behind the line at hand.
    until: usize,
}

impl LineSplits {
    fn enter(&mut self, nodes: &[Node<'_>], i: usize, breaking: Breaking) {
        if breaking != Breaking::Statements || i < self.until {
            return;
        }
        let rest = &nodes[i..];
        let end = rest.iter().skip(1).position(|node| node.broken_before() && !node.is("else"));
        let line = &rest[..end.map_or(rest.len(), |end| end + 1)];
        self.until = i + line.len();
        let code = match line {
            [code @ .., last] if last.is_comment() => code,
            line => line,
        };
        let Head { width, stopped } = head(code);
        // Where a statement goes on, its lines are further in.
        let goes_on = i > 0 && rest[0].broken_before() && !rest[0].first().ends && !rest[0].is("else");
        let indent = self.base + if goes_on { STEP } else { 0 };
        self.every = stopped || indent + width > WIDTH;
    }
}

/// Whether a line that the author wrote of a list is too wide, and has a comma to break it at.
fn overflows(nodes: &[Node<'_>], base: usize) -> bool {
    let mut rest = nodes;
    while !rest.is_empty() {
        let end = rest.iter().skip(1).position(Node::broken_before).map_or(rest.len(), |end| end + 1);
        let line = &rest[..end];
        rest = &rest[end..];
        let code = match line {
            [code @ .., last] if last.is_comment() => code,
            line => line,
        };
        let inside = code.split_last().is_some_and(|(_, before)| before.iter().any(|node| node.is(",")));
        if inside && base + head(code).width > WIDTH {
            return true;
        }
    }
    false
}

fn gap(left: &Node<'_>, right: &Node<'_>, breaking: Breaking, base: usize, split: bool) -> Gap {
    let token = &right.first().token;
    let blank = if blank_between(left.last(), right.first()) { Gap::Blank } else { Gap::Nothing };
    let line = |indent| Gap::Line { indent, empty_before: token.breaks > 1 };
    let after_comment = left.is_comment();
    if token.is_comment() && token.breaks == 0 {
        return Gap::Blank;
    }
    match breaking {
        Breaking::Inline => blank,
        Breaking::Statements | Breaking::EveryStatement => {
            let joins = token.is("else") && !after_comment;
            if split {
                line(base)
            } else if token.breaks == 0 || joins {
                blank
            } else {
                line(if right.first().ends || token.is("else") { base } else { base + STEP })
            }
        }
        Breaking::AsWritten | Breaking::EveryElement => {
            let element = left.is(",") || after_comment || token.is_comment();
            if breaking == Breaking::EveryElement && left.is(",") {
                line(base)
            } else if token.breaks == 0 {
                blank
            } else {
                line(if element { base } else { base + STEP })
            }
        }
    }
}
