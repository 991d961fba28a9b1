//! What `require` and `forbid` mean, against every encoding of small spaces, one by one.

use nasrec_compiler::ir::{Assignment, ChoiceId, Made, Offer, SchemaSizes, SpaceGraph};
use nasrec_compiler::plan::Cost;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::space::{Diagram, End};
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, CheckedSpace, ItemKind, Space};
use num_bigint::BigUint;

use crate::memory::check;

/// Two blocks with every kind of choice, some inside others, and what they are to be.
fn space(constraints: &str) -> CheckedSpace {
    let text = format!(
        "import \"std/ctr.nasrec\" {{ fc, gating }}
space s(blocks = 2) {{
  input numeric: dense
  block b[i in 1..blocks] after stem {{ dense = numeric }} {{
    width w in [8, 16, 24]
    let x = concat(pick 1..2 from earlier.dense)
    let one = pick 1 from earlier.dense
    let d = choose {{
      fc(x, w)
      gating(x, one, w)
      deep: {{ let h = repeat 0..2 from fc(x, w) as h {{ fc(h, w) }}; h }}
    }}
    let set = choose 1..2 {{ p: linear(d, w); q: {{ let m = maybe linear(d, w); linear(d, w) + m }} }}
    let more = maybe linear(x, w)
    out dense = set + more
  }}
  {constraints}
  logit = linear(b[blocks].dense, 1)
}}
"
    );
    let (program, diagnostics) = check(&text);
    assert_eq!(diagnostics, [], "{constraints}");
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Space).expect("it is there");
    program.check_space(&item).expect("it is sound")
}

const SIZES: SchemaSizes = SchemaSizes { numeric: 3, fields: 0, ..SchemaSizes::ONE };

fn schema() -> Schema {
    let (program, _) = check("schema t { label click; dense I[1..3] }");
    program.schema(&program.items()[0]).expect("it is sound")
}

/// Calls `visit` with every encoding.
fn every(graph: &SpaceGraph, visit: &mut impl FnMut(&[Option<Made>])) {
    fn from(graph: &SpaceGraph, at: usize, made: &mut Vec<Option<Made>>, visit: &mut impl FnMut(&[Option<Made>])) {
        let Some(choice) = graph.choices.get(at) else { return visit(made) };
        let exists = choice.parent.is_none_or(|(of, positions)| made[of.index()].is_some_and(|m| m.meets(positions)));
        if !exists {
            made.push(None);
            from(graph, at + 1, made, visit);
            made.pop();
            return;
        }
        for option in choice.offer.options() {
            made.push(Some(option));
            from(graph, at + 1, made, visit);
            made.pop();
        }
    }
    from(graph, 0, &mut Vec::new(), visit);
}

/// An encoding by the names of its choices, for predicates that do not know the compiler.
struct Encoding<'a> {
    graph: &'a SpaceGraph,
    made: &'a [Option<Made>],
}

impl Encoding<'_> {
    fn made(&self, name: &str) -> Option<(&Offer, Made)> {
        let at = self.graph.choices.iter().position(|choice| choice.name == name)?;
        Some((&self.graph.choices[at].offer, self.made[at]?))
    }

    /// What a choice takes, by label; `None` where it does not exist.
    fn taken(&self, name: &str) -> Option<Vec<String>> {
        let (offer, made) = self.made(name)?;
        Some(offer.called(made).into_iter().map(str::to_owned).collect())
    }

    fn is(&self, name: &str, label: &str) -> bool {
        self.taken(name).is_some_and(|taken| taken == [label])
    }

    fn has(&self, name: &str, label: &str) -> bool {
        self.taken(name).is_some_and(|taken| taken.iter().any(|known| known == label))
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.taken(name)?.first()?.parse().ok()
    }
}

type Predicate = fn(&Encoding) -> bool;

/// Conditions, and what they mean said in Rust.
const CASES: &[(&str, Predicate)] = &[
    ("require b[1].w == 16", |e| e.is("b[1].w", "16")),
    ("require b[1].w != b[2].w", |e| e.number("b[1].w") != e.number("b[2].w")),
    ("forbid b[1].w + b[2].w > 32", |e| e.number("b[1].w").unwrap() + e.number("b[2].w").unwrap() <= 32),
    ("require b[1].d == gating or b[2].d == fc", |e| e.is("b[1].d", "gating") || e.is("b[2].d", "fc")),
    ("require b[1].d != fc", |e| !e.is("b[1].d", "fc")),
    ("require b[1].d in [fc, deep]", |e| e.is("b[1].d", "fc") || e.is("b[1].d", "deep")),
    ("require b[1].d == b[2].d", |e| e.taken("b[1].d") == e.taken("b[2].d")),
    ("require stem in b[2].x", |e| e.has("b[2].x", "stem")),
    ("require b[1] in b[2].x, b[2].one == b[1]", |e| e.has("b[2].x", "b[1]") && e.is("b[2].one", "b[1]")),
    ("require b[2].x == [stem, b[1]]", |e| e.taken("b[2].x").unwrap().len() == 2),
    ("require count(b[2].x) == 2", |e| e.taken("b[2].x").unwrap().len() == 2),
    ("require count(b[1].set) + count(b[2].set) <= 3", |e| {
        e.taken("b[1].set").unwrap().len() + e.taken("b[2].set").unwrap().len() <= 3
    }),
    ("require b[1].more implies not b[2].more", |e| !(e.is("b[1].more", "on") && e.is("b[2].more", "on"))),
    ("require b[1].more == off", |e| e.is("b[1].more", "off")),
    // A choice that does not exist compares as false, with `!=` too.
    ("require b[1].d.deep.h <= 1", |e| e.number("b[1].d.deep.h").is_some_and(|depth| depth <= 1)),
    ("forbid b[1].d.deep.h == 2", |e| e.number("b[1].d.deep.h") != Some(2)),
    ("require b[1].d.deep.h != 2", |e| e.number("b[1].d.deep.h").is_some_and(|depth| depth != 2)),
    ("require not b[1].set.q.m", |e| !e.is("b[1].set.q.m", "on")),
    ("require b[1].set.q.m == off", |e| e.is("b[1].set.q.m", "off")),
    ("require count(x.d == fc for x in b) == 1", |e| {
        [1, 2].iter().filter(|i| e.is(&format!("b[{i}].d"), "fc")).count() == 1
    }),
    ("require sum(b[i].w for i in 1..blocks) <= 32", |e| {
        e.number("b[1].w").unwrap() + e.number("b[2].w").unwrap() <= 32
    }),
    ("require all(b[i].w <= b[j].w for i in 1..2 for j in i..2)", |e| e.number("b[1].w") <= e.number("b[2].w")),
    ("forbid any(b[i].d == deep and b[i].w in 16..24 for i in [1, 2])", |e| {
        [1, 2].iter().all(|i| !(e.is(&format!("b[{i}].d"), "deep") && e.number(&format!("b[{i}].w")) > Some(8)))
    }),
    ("require max(b[1].w, b[2].w) * 2 == 32", |e| e.number("b[1].w").max(e.number("b[2].w")) == Some(16)),
    ("require b[1].dense.width + b[2].dense.width == 32", |e| {
        e.number("b[1].w").unwrap() + e.number("b[2].w").unwrap() == 32
    }),
    // Instances that this space does not have.
    ("forbid b[3].w == 8, not (b[0].more == on) and b[1].w == 8", |e| !e.is("b[1].w", "8")),
];

#[test]
fn conditions_mean_what_they_say_and_diagrams_count_and_draw_just_that() {
    let schema = schema();
    for (text, means) in CASES {
        let checked = space(text);
        let graph = &checked.graph;
        let mut allowed = 0u64;
        every(graph, &mut |made| {
            let holds = graph.allows(&Assignment::new(made, SIZES)).expect("all is decided");
            assert_eq!(holds, means(&Encoding { graph, made }), "{text}: {made:?}");
            allowed += u64::from(holds);
        });
        let conds: Vec<_> = graph.constraints.iter().map(|constraint| constraint.holds).collect();
        let diagram = Diagram::build(graph, SIZES, &conds).expect("small").expect("satisfiable");
        assert_eq!(diagram.count(), BigUint::from(allowed), "{text}");
        let space = Space::bind(&checked, &schema).expect("the schema fits");
        let mut rng = Streams::new(1).rng("drawn", 0);
        let mut moved = 0;
        for _ in 0..100 {
            let drawn = space.sample(Counts::Binomial(0.5), &mut rng);
            assert!(space.broken(&drawn, None).is_none(), "{text}: {drawn:?}");
            assert!(space.missing(&drawn).is_empty(), "{text}: {drawn:?}");
            let child = space.mutate(&drawn, 1, Counts::Binomial(0.5), &mut rng);
            assert!(space.broken(&child, None).is_none(), "{text}: {drawn:?} became {child:?}");
            moved += u32::from(child != drawn);
        }
        let end = |end| space.extreme(Cost::Macs, end).expect("some are allowed");
        let (least, most) = (end(End::Least), end(End::Most));
        for extreme in [&least, &most] {
            let witness = extreme.witness.as_ref().expect("it is met");
            assert!(extreme.is_optimal() && space.broken(&witness.architecture, None).is_none(), "{text}: {extreme:?}");
        }
        assert!(least.proved <= most.proved, "{text}");
        assert!(moved > 25, "{text}: {moved} of 100 mutations changed anything");
    }
}

#[test]
fn a_pick_that_may_be_empty_is_told_by_none_of_its_sources() {
    for (condition, allowed) in [
        ("require count(one) == 0", 3),
        ("require q in one", 3),
        ("require one == r", 3),
        ("forbid one == q", 6),
        ("require one == other", 3),
        ("require one != other", 6),
    ] {
        let text = format!(
            "space s {{\n  input x: dense\n  let q = relu(x)\n  let r = sigmoid(x)\n  let one = concat(x, pick 0..1 from [q, r])\n  \
             let other = concat(one, pick 0..1 from [q, r])\n  {condition}\n  logit = linear(other, 1)\n}}\n"
        );
        let (program, diagnostics) = check(&text);
        assert_eq!(diagnostics, [], "{condition}");
        let checked = program.check_space(&program.items()[0]).expect("it is sound");
        let graph = &checked.graph;
        let mut counted = 0;
        every(graph, &mut |made| {
            counted += u32::from(graph.allows(&Assignment::new(made, SIZES)).expect("all is decided"));
        });
        assert_eq!(counted, allowed, "{condition}");
        assert_eq!(graph.valid_count(SIZES).expect("small"), BigUint::from(allowed), "{condition}");
    }
}

#[test]
fn draws_keep_their_proportions_among_what_is_allowed() {
    // Without the constraint each of the nine pairs is as likely as any other; so is each of the six that are left.
    let space = Space::bind(&space("require b[1].w <= b[2].w"), &schema()).expect("the schema fits");
    let widths: Vec<ChoiceId> = (0..space.choices().len() as u32)
        .map(ChoiceId)
        .filter(|id| space.choices()[id.index()].name.ends_with(".w"))
        .collect();
    let mut rng = Streams::new(3).rng("drawn", 0);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..6_000 {
        let drawn: Architecture = space.sample(Counts::Uniform, &mut rng);
        *seen.entry((drawn.get(widths[0]), drawn.get(widths[1]))).or_insert(0u32) += 1;
    }
    assert_eq!(seen.len(), 6);
    // Chi-square with five degrees of freedom: 20.5 is passed once in a thousand.
    let chi: f64 = seen.values().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
    assert!(chi < 20.5, "{seen:?}");
}

#[test]
fn what_nothing_satisfies_is_said_when_a_schema_is_bound() {
    // What depends on the table is not known before.
    let checked = space("require b[1].w > 8 * numeric.width");
    let error = Space::bind(&checked, &schema()).expect_err("nothing satisfies it").to_string();
    assert_eq!(error, "no architecture of `s` is what it requires with schema `t`");
}

#[test]
fn costs_are_compared_in_their_units() {
    let checked = space("require bytes.activations <= 1KiB, params.dense < 2K and macs > 0");
    let space = Space::bind(&checked, &schema()).expect("the schema fits");
    let mut rng = Streams::new(1).rng("drawn", 0);
    let mut seen = [0, 0];
    for _ in 0..200 {
        let drawn = space.sample(Counts::Uniform, &mut rng);
        let plan = space.plan(&drawn).expect("it is complete");
        let allowed = plan.activation_bytes() <= 1024 && plan.dense_params() < 2000 && plan.macs() > 0;
        assert_eq!(space.broken(&drawn, Some(plan.costs())).is_none(), allowed);
        assert!(space.broken(&drawn, None).is_none(), "costs are unknown without a plan");
        seen[usize::from(allowed)] += 1;
    }
    assert!(seen.iter().all(|&n| n > 10), "{seen:?}");
    for cost in Cost::ALL {
        for end in [End::Least, End::Most] {
            let extreme = space.extreme(cost, end).expect("some are allowed");
            let witness = extreme.witness.as_ref().expect("it is met");
            let plan = space.plan(&witness.architecture).expect("it is complete");
            assert_eq!(plan.costs().of(cost), witness.value);
            assert!(space.broken(&witness.architecture, Some(plan.costs())).is_none(), "{extreme:?}");
        }
    }
}
