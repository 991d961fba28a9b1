//! Requirements that nothing satisfies, against every encoding of a small space: told if and only if there is no such
//! encoding, and none of those that are named can be spared.

use nasrec_compiler::diagnostics::{Code, Diagnostic};
use nasrec_compiler::ir::{Assignment, Made, SchemaSizes, SpaceGraph};
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{CheckedSpace, ItemKind, Program};
use rand::RngExt;

use crate::memory::check;

/// Conditions on the choices of the space below; each for itself can be satisfied, but for the last.
const CONDITIONS: &[&str] = &[
    "a < b",
    "b < c",
    "c < a",
    "a + b + c <= 48",
    "a + b + c >= 56",
    "a == 16",
    "c != 16",
    "d == deep",
    "d == flat or m",
    "not m",
    "d.deep.e >= 2 implies a == 8",
    "d.deep.e == 3",
    "count(p) == 2",
    "x in p implies a == b",
    "y in p implies m",
    "d.deep.inner == on",
    "a in [8, 16] and c in [8, 16]",
    "b == 24 implies m",
    "a > 24",
];

fn text(chosen: &[usize]) -> String {
    let requirements: String = chosen
        .iter()
        .map(|&at| {
            // As either statement; alternately, so that both are seen.
            let condition = CONDITIONS[at];
            if at % 2 == 0 { format!("  require {condition}\n") } else { format!("  forbid not ({condition})\n") }
        })
        .collect();
    format!(
        "space s {{
  input numeric: dense
  width a in [8, 16, 24]
  width b in [8, 16, 24]
  width c in [8, 16, 24]
  let x = linear(numeric, 8)
  let y = linear(numeric, 8)
  let p = pick 1..2 from [x, y]
  let d = choose {{
    flat: relu(x)
    deep: {{ let e = repeat 1..3 from x as h {{ relu(h) }}; let inner = maybe linear(y, 8); e + inner }}
  }}
  let m = maybe relu(d)
  let all = linear(linear(linear(concat(p), a), b), c)
  logit = linear(concat(all, d + m), 1)
{requirements}}}
"
    )
}

fn space(program: &Program) -> CheckedSpace {
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Space).expect("it is there");
    program.check_space(&item).expect("it is sound")
}

/// Every encoding.
fn encodings(graph: &SpaceGraph) -> Vec<Vec<Option<Made>>> {
    let mut all: Vec<Vec<Option<Made>>> = vec![Vec::new()];
    for choice in &graph.choices {
        let mut next = Vec::new();
        for made in all {
            let exists =
                choice.parent.is_none_or(|(of, positions)| made[of.index()].is_some_and(|made| made.meets(positions)));
            let options = if exists { choice.offer.options().into_iter().map(Some).collect() } else { vec![None] };
            next.extend(options.into_iter().map(|option| made.iter().copied().chain([option]).collect()));
        }
        all = next;
    }
    all
}

/// For each condition, which encodings satisfy it.
fn tables() -> Vec<Vec<bool>> {
    let table = |at: usize| {
        let (program, diagnostics) = check(&text(&[at]));
        if at == CONDITIONS.len() - 1 {
            assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::Conflict]);
            let (program, _) = check(&text(&[]));
            return encodings(&space(&program).graph).iter().map(|_| false).collect();
        }
        assert_eq!(diagnostics, [], "{}", CONDITIONS[at]);
        let graph = space(&program).graph;
        let allows = |made: &Vec<Option<Made>>| {
            graph
                .allows(&Assignment::new(made, SchemaSizes { numeric: 2, fields: 0, ..SchemaSizes::ONE }))
                .expect("all is decided")
        };
        encodings(&graph).iter().map(allows).collect()
    };
    (0..CONDITIONS.len()).map(table).collect()
}

/// The conditions that a finding names.
fn named(program: &Program, finding: &Diagnostic) -> Vec<usize> {
    let conditions = finding.labels.iter().map(|label| {
        // A group's last bracket is no part of what stands in it.
        let bare = |text: &str| text.trim_end_matches(')').to_owned();
        let written = bare(program.sources.text(label.span));
        let is = |condition: &str| written == bare(condition) || written == bare(&format!("not ({condition})"));
        CONDITIONS.iter().position(|condition| is(condition)).expect("it is one of them")
    });
    conditions.collect()
}

#[test]
fn conflicts_are_found_and_irreducible() {
    let tables = tables();
    let satisfiable = |chosen: &[usize]| (0..tables[0].len()).any(|row| chosen.iter().all(|&at| tables[at][row]));
    let mut rng = Streams::new(11).rng("chosen", 0);
    let mut sizes = [0; 8];
    for _ in 0..400 {
        let mut chosen: Vec<usize> = Vec::new();
        for _ in 0..rng.random_range(1..9) {
            // Rarely the one that is a conflict by itself.
            let last = usize::from(rng.random_bool(0.9));
            let at = rng.random_range(0..CONDITIONS.len() - last);
            if !chosen.contains(&at) {
                chosen.push(at);
            }
        }
        let (program, diagnostics) = check(&text(&chosen));
        if satisfiable(&chosen) {
            assert_eq!(diagnostics, [], "{chosen:?}");
            sizes[0] += 1;
            continue;
        }
        let [finding] = diagnostics.as_slice() else { panic!("{chosen:?}: {diagnostics:?}") };
        assert_eq!(finding.code, Code::Conflict);
        let members = named(&program, finding);
        assert!(members.iter().all(|member| chosen.contains(member)), "{members:?} of {chosen:?}");
        assert!(!satisfiable(&members), "{members:?}");
        for without in 0..members.len() {
            let mut rest = members.clone();
            rest.remove(without);
            assert!(satisfiable(&rest), "{members:?} without {}", members[without]);
        }
        sizes[members.len()] += 1;
    }
    assert!(sizes[..4].iter().all(|&count| count > 5), "{sizes:?}");
}
