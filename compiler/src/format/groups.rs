//! Tokens as a tree of brackets, each bracket with how it may be laid out, and how wide things are on one line.

use nasrec_grammar::Rule;

use super::reading::Reading;
use super::tokens::{Kind, Token, span, tokens};

/// Widest line of formatted source.
pub(super) const WIDTH: usize = 120;

pub(super) enum Node<'a> {
    Leaf(Leaf<'a>),
    Group(Group<'a>),
}

pub(super) struct Leaf<'a> {
    pub token: Token<'a>,
    /// Whether a line break before this token ends a statement.
    pub ends: bool,
    pub glue: Glue,
}

/// Where a token wants no blanks, whatever is beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glue {
    None,
    Before,
    After,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `{ }` around statements, alternatives or settings.
    Statements,
    /// Elements between commas.
    List {
        trailing_comma: bool,
        /// A blank inside the brackets, as in `import "a" { b }`.
        padded: bool,
    },
}

pub(super) struct Group<'a> {
    pub open: Leaf<'a>,
    pub inner: Vec<Node<'a>>,
    pub close: Leaf<'a>,
    pub layout: Layout,
    /// Stays on several lines even where one has room.
    pub forced: bool,
}

impl<'a> Node<'a> {
    pub fn first(&self) -> &Leaf<'a> {
        match self {
            Node::Leaf(leaf) => leaf,
            Node::Group(group) => &group.open,
        }
    }

    /// The token that a neighbour to the right sees.
    pub fn last(&self) -> &Leaf<'a> {
        match self {
            Node::Leaf(leaf) => leaf,
            Node::Group(group) => &group.close,
        }
    }

    pub fn is(&self, text: &str) -> bool {
        matches!(self, Node::Leaf(leaf) if leaf.token.is(text))
    }

    pub fn is_comment(&self) -> bool {
        matches!(self, Node::Leaf(leaf) if leaf.token.is_comment())
    }

    pub fn broken_before(&self) -> bool {
        self.first().token.breaks > 0
    }
}

impl Group<'_> {
    pub fn has_breaks(&self) -> bool {
        self.close.token.breaks > 0 || self.inner.iter().any(Node::broken_before)
    }

    pub fn has_comments(&self) -> bool {
        self.inner.iter().any(Node::is_comment)
    }

    pub fn has_commas(&self) -> bool {
        self.inner.iter().any(|node| node.is(","))
    }

    /// Whether it can be put on several lines where it does not fit.
    pub fn breakable(&self) -> bool {
        !self.inner.is_empty()
            && match self.layout {
                Layout::Statements => true,
                Layout::List { trailing_comma, .. } => trailing_comma || self.has_commas(),
            }
    }

    /// What is inside when the group is on one line: no separator at the end.
    pub fn inline(&self) -> &[Node<'_>] {
        let mut inner = self.inner.as_slice();
        while let [rest @ .., last] = inner
            && match self.layout {
                Layout::Statements => last.is(";"),
                Layout::List { trailing_comma, .. } => trailing_comma && last.is(","),
            }
        {
            inner = rest;
        }
        inner
    }

    pub fn padded(&self) -> bool {
        self.layout == Layout::Statements || matches!(self.layout, Layout::List { padded: true, .. })
    }
}

/// The tree of a text; `None` where brackets do not match, which the parser has refused before.
pub(super) fn group<'a>(source: &'a str, reading: &Reading) -> Option<Vec<Node<'a>>> {
    let mut stack: Vec<(Leaf<'a>, Vec<Node<'a>>)> = Vec::new();
    let mut nodes = Vec::new();
    let mut before = 0;
    // Line breaks that are moved behind a separator.
    let mut moved = 0;
    // The last token that is no comment is a comma.
    let mut after_comma = false;
    let mut rest = tokens(source).into_iter().peekable();
    while let Some(mut token) = rest.next() {
        let ends = reading.joined.as_bytes()[before..token.start].contains(&b'\n') || moved > 0 && token.is(";");
        // Behind a comma nothing ends, even where a `;` that goes away now says so.
        let ends = ends && !after_comma;
        let continues = nodes.last().is_some_and(|last: &Node<'_>| !last.is_comment());
        // It may be all that is between two comments on one line.
        let parts = |last: &Node<'_>| last.is_comment() && rest.peek().is_some_and(|c| c.is_comment() && c.breaks == 0);
        let needed = nodes.last().is_some_and(parts);
        // Behind a comma, among imported names, it separates nothing more.
        let separated = |last: &Node<'_>| last.is(";") || last.is(",") || last.is_comment();
        if token.is(";") && !needed && (ends || nodes.last().is_none_or(separated)) {
            moved += token.breaks;
            continue;
        }
        before = span(&token).end;
        if !token.is_comment() {
            after_comma = token.is(",");
        }
        // A `///` behind other code documents nothing, and must not come to.
        let moved_here = std::mem::take(&mut moved);
        if !(token.is_comment() && token.breaks == 0 && token.text.starts_with("///")) {
            token.breaks += moved_here;
        }
        if token.is(",") && continues {
            moved = std::mem::take(&mut token.breaks);
        }
        let kind = token.kind;
        let leaf = Leaf { ends, glue: glue(&token, reading), token };
        match kind {
            Kind::Open => stack.push((leaf, std::mem::take(&mut nodes))),
            Kind::Close => {
                let (open, outer) = stack.pop()?;
                let mut inner = std::mem::replace(&mut nodes, outer);
                inner.pop_if(|last| last.is(";"));
                nodes.push(Node::Group(finish(open, inner, leaf, reading)));
            }
            _ => nodes.push(Node::Leaf(leaf)),
        }
    }
    stack.is_empty().then_some(nodes)
}

fn glue(token: &Token<'_>, reading: &Reading) -> Glue {
    match token.text {
        "." | ".." | "::" => Glue::Both,
        ":" if reading.ratio_colons.contains(&token.start) => Glue::Both,
        "," | ";" | ":" => Glue::Before,
        "-" if reading.negations.contains(&token.start) => Glue::After,
        "(" if reading.brackets.get(&token.start) != Some(&Rule::group) => Glue::Both,
        "[" if reading.brackets.get(&token.start) != Some(&Rule::list) => Glue::Both,
        "(" | "[" => Glue::After,
        ")" | "]" => Glue::Before,
        _ => Glue::None,
    }
}

fn finish<'a>(open: Leaf<'a>, mut inner: Vec<Node<'a>>, close: Leaf<'a>, reading: &Reading) -> Group<'a> {
    let rule = reading.brackets.get(&open.token.start).copied();
    let names = rule == Some(Rule::names);
    // A `;` behind the last name goes away, whatever comment follows, so it must not decide the layout.
    if names
        && let Some(last) = inner.iter().rposition(|node| !node.is_comment())
        && inner[last].is(";")
        && last > 0
        && !inner[last - 1].is_comment()
    {
        inner.remove(last);
    }
    // Names may also be separated by line breaks or `;`, and are then laid out as statements.
    let only_commas = || {
        let code = inner.iter().filter(|node| !node.is_comment());
        code.enumerate().all(|(i, node)| node.is(",") == (i % 2 == 1) && !node.is(";"))
    };
    let layout = if open.token.text != "{" {
        let trailing_comma = matches!(
            rule,
            Some(Rule::list | Rule::arguments | Rule::op_params | Rule::space_params | Rule::pattern_params)
        );
        Layout::List { trailing_comma, padded: false }
    } else if names && only_commas() {
        Layout::List { trailing_comma: true, padded: true }
    } else {
        Layout::Statements
    };
    let mut group = Group { open, inner, close, layout, forced: false };
    let ends_in_comma = group.inner.last().is_some_and(|node| node.is(","));
    group.forced = group.has_comments()
        || group.has_breaks() && !group.inner.is_empty() && (layout == Layout::Statements || ends_in_comma);
    group
}

/// Whether a blank belongs between two neighbours on one line.
pub(super) fn blank_between(left: &Leaf<'_>, right: &Leaf<'_>) -> bool {
    let tight = matches!(left.glue, Glue::After | Glue::Both) || matches!(right.glue, Glue::Before | Glue::Both);
    // `not (a)` and `= (a)`, but `[(a)]`; a comment always stands off.
    right.token.is_comment() || !tight
}

/// A width, and whether a line break that cannot be avoided ends it.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub width: usize,
    pub stopped: bool,
}

/// How wide neighbours are on one line, up to the first line break that cannot be avoided.
pub(super) fn head(nodes: &[Node<'_>]) -> Head {
    let mut head = Head { width: 0, stopped: false };
    for (i, node) in nodes.iter().enumerate() {
        if node.is_comment() {
            return Head { stopped: true, ..head };
        }
        if i > 0 {
            head.width += usize::from(blank_between(nodes[i - 1].last(), node.first()));
        }
        let own = node_head(node);
        head = Head { width: head.width + own.width, stopped: own.stopped };
        if head.stopped {
            break;
        }
    }
    head
}

pub(super) fn node_head(node: &Node<'_>) -> Head {
    match node {
        Node::Leaf(leaf) => Head { width: leaf.token.width(), stopped: false },
        Node::Group(group) if group.forced => Head { width: 1, stopped: true },
        Node::Group(group) => {
            let inner = head(group.inline());
            let padding = usize::from(group.padded());
            let closing = if inner.stopped { 0 } else { padding + 1 };
            // `{ }` has one blank, `{ a }` two.
            let opening = 1 + if group.inner.is_empty() { 0 } else { padding };
            Head { width: opening + inner.width + closing, stopped: inner.stopped }
        }
    }
}
