//! The rules of the language (docs/language.md) that are about what is computed, each on the smallest space that shows
//! it.

use nasrec_compiler::ir::{ChoiceId, Made, Takes, Word};
use nasrec_compiler::plan::{Cost, Init, Node, Param, ParamKind, Plan};
use nasrec_compiler::primitives::{Add, Concat, Dropout, LayerNorm, Primitive, Relu};
use nasrec_compiler::space::{Distinct, End};
use nasrec_compiler::{Architecture, ItemKind, Program, Space};

use crate::memory::check;

/// A space of these statements over three numeric columns and two fields.
fn bound(text: &str) -> Space {
    let schema = "schema t {\n  label click\n  dense I[1..3]\n  sparse C[1..2]: int | modulo(rows: 10)\n}\n";
    let (program, diagnostics) = check(&format!("{schema}\n{text}"));
    assert_eq!(diagnostics, [], "{text}");
    let of_kind = |program: &Program, kind| program.items().into_iter().find(|item| item.kind == kind);
    let space = of_kind(&program, ItemKind::Space).expect("a space");
    let schema = program.schema(&of_kind(&program, ItemKind::Schema).expect("a schema")).expect("it is sound");
    Space::bind(&program.check_space(&space).expect("it is sound"), &schema).expect("it binds")
}

fn space(statements: &str) -> Space {
    bound(&format!("space s {{\n  input numeric: dense\n  input fields: categorical\n{statements}\n}}\n"))
}

/// The architecture with these positions, or sets, in the order of the choices.
fn plan(space: &Space, made: &[Made]) -> Plan {
    assert_eq!(made.len(), space.choices().len(), "{:?}", space.choices());
    space.plan(&Architecture::new(made.iter().copied().map(Some).collect())).expect("it has a plan")
}

fn count(plan: &Plan, primitive: Primitive) -> usize {
    plan.nodes.iter().filter(|node| node.primitive == primitive).count()
}

fn names(plan: &Plan) -> Vec<String> {
    plan.params.iter().map(|param| param.name.to_string()).collect()
}

fn param<'a>(plan: &'a Plan, name: &str) -> &'a Param {
    plan.params.iter().find(|param| &*param.name == name).unwrap_or_else(|| panic!("{name} in {:?}", names(plan)))
}

#[test]
fn a_let_is_evaluated_once() {
    let space = space("  let x = relu(linear(numeric, 4))\n  logit = linear(x + x * x, 1)");
    let plan = plan(&space, &[]);
    assert_eq!(count(&plan, Relu.into()), 1);
    assert_eq!(names(&plan).iter().filter(|name| name.ends_with("weight")).count(), 2);
}

#[test]
fn each_call_owns_its_parameters_and_alternatives_share_none() {
    let space =
        space("  let x = choose { a: linear(numeric, 4); b: linear(numeric, 4) }\n  logit = linear(linear(x, 4), 1)");
    let a = names(&plan(&space, &[Made::One(0)]));
    let b = names(&plan(&space, &[Made::One(1)]));
    assert_eq!(a[..2], ["x.a.weight", "x.a.bias"]);
    assert_eq!(b[..2], ["x.b.weight", "x.b.bias"]);
    assert_eq!(a[2..], b[2..], "outside of the choice they are the same");
}

#[test]
fn what_is_picked_keeps_its_place() {
    let space = space(
        "  let a = linear(numeric, 4)\n  let b = linear(numeric, 6)\n  let x = concat(pick 1..2 from [a, b])\n  \
         logit = linear(x, 1)",
    );
    let weight = |mask: u64| param(&plan(&space, &[Made::Set(mask)]), "logit.linear.weight").axes[1].clone();
    assert_eq!(weight(1).positions().collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(weight(2).positions().collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);
    assert_eq!(weight(3).positions().count(), 10);
}

#[test]
fn a_width_takes_a_prefix() {
    let space = space("  width w in [2, 8]\n  let x = linear(numeric, w)\n  logit = linear(x, 1)");
    let narrow = plan(&space, &[Made::One(0)]);
    let weight = param(&narrow, "x.linear.weight");
    assert_eq!((weight.full.as_slice(), weight.shape().as_slice()), ([8, 3].as_slice(), [2, 3].as_slice()));
    assert!(weight.axes[0].is_prefix());
}

#[test]
fn an_if_is_decided_per_architecture() {
    let space = space(
        "  width w in [4, 8]\n  let x = linear(numeric, w)\n  let y = if x.width == 8 { x } else { linear(x, 8) }\n  \
         logit = linear(y, 1)",
    );
    assert_eq!(plan(&space, &[Made::One(1)]).params.len(), 4);
    assert_eq!(plan(&space, &[Made::One(0)]).params.len(), 6);
}

#[test]
fn normalise_is_a_parameter_that_operators_see() {
    let text = |normalise: &str| {
        format!(
            "import \"std/ctr.nasrec\" {{ fc }}\n\nspace s(normalise = {normalise}) {{\n  input numeric: dense\n  \
             logit = linear(fc(numeric, 4), 1)\n}}\n"
        )
    };
    let on = plan(&bound(&text("on")), &[]);
    let off = plan(&bound(&text("off")), &[]);
    assert!(on.nodes.iter().any(|node| matches!(node.primitive, Primitive::LayerNorm(LayerNorm { .. }))));
    assert!(!off.nodes.iter().any(|node| matches!(node.primitive, Primitive::LayerNorm(LayerNorm { .. }))));
    // The linear layer has a bias exactly where no norm follows.
    assert!(!names(&on).iter().any(|name| name.contains("fc.linear.bias")), "{:?}", names(&on));
    assert!(names(&off).iter().any(|name| name.contains("fc.linear.bias")), "{:?}", names(&off));
}

#[test]
fn a_rate_is_a_number_that_operators_hand_on_and_choices_tell_apart() {
    let text = "const most = 50%
op deep(x: dense, w: size, drop: number = 0) -> dense[w] = dropout(relu(linear(x, w)), drop)
space s(light = 0.1) {
  input numeric: dense
  let h = choose { deep(numeric, 4); a: deep(numeric, 4, light); b: deep(numeric, 4, drop: most - 25%) }
  logit = linear(h, 1)
}
";
    let space = bound(text);
    let rates = |made: u32| {
        let rate = |node: &Node| match node.primitive {
            Primitive::Dropout(Dropout { rate }) => Some(rate),
            _ => None,
        };
        plan(&space, &[Made::One(made)]).nodes.iter().filter_map(rate).collect::<Vec<_>>()
    };
    // Without a rate there is no node.
    assert_eq!([rates(0), rates(1), rates(2)], [vec![], vec![0.1], vec![0.25]]);
    // Of one layer at two rates both are architectures of their own, and cost the same.
    let same = "  let h = linear(numeric, 4)\n  let d = choose { a: dropout(h, 10%); b: dropout(h, 50%) }\n  \
                logit = linear(d, 1)";
    let same = self::space(same);
    assert_eq!(same.distinct_count(), Ok(Distinct::Exactly(2u32.into())));
    let costs = |made| plan(&same, &[Made::One(made)]).costs();
    assert_eq!(costs(0), costs(1));
}

#[test]
fn statistics_are_kept_where_parameters_are_and_count_as_none() {
    let space = space(
        "  width w in [4, 8]\n  let x = batch_norm(linear(numeric, w), scale: 0.5)\n  let s = batch_norm(embed(fields, 2))\n  \
         logit = linear(concat(x, flatten(s)), 1)",
    );
    let plan = plan(&space, &[Made::One(0)]);
    let kinds = |name: &str| {
        let param = param(&plan, name);
        (param.kind, param.init, param.full.to_vec(), param.shape().to_vec())
    };
    assert_eq!(kinds("x.batch_norm.scale"), (ParamKind::Dense, Init::Constant(0.5), vec![8], vec![4]));
    assert_eq!(kinds("x.batch_norm.mean"), (ParamKind::Statistic, Init::Constant(0.0), vec![8], vec![4]));
    assert_eq!(kinds("s.batch_norm.variance"), (ParamKind::Statistic, Init::Constant(1.0), vec![2, 2], vec![2, 2]));
    // Two layers and, of each norm, scale and shift; two tables.
    assert_eq!(plan.dense_params(), (4 * 3 + 4) + (4 + 4 + 1) + 2 * 4 + 2 * 4);
    assert_eq!(plan.embedding_params(), 2 * 10 * 2);
    assert_eq!(plan.macs(), 4 * 3 + 8);
    let most = space.extreme(Cost::DenseParams, End::Most).expect("something is allowed").proved;
    assert_eq!(most, (8 * 3 + 8) + (8 + 4 + 1) + 2 * 8 + 2 * 4);
    let costs = space.costs(&Architecture::new(vec![Some(Made::One(0))])).expect("it is complete");
    assert_eq!(costs, plan.costs());
}

#[test]
fn earlier_lists_the_stem_and_the_blocks_before() {
    let space = space(
        "  block b[1..3] after stem { dense = numeric } {\n    let x = pick 1 from earlier.dense\n    \
         out dense = linear(x, 4)\n  }\n  logit = linear(b[3].dense, 1)",
    );
    let sources = |index: u32| space.choices()[ChoiceId(index).index()].offer.labels().join(" ");
    assert_eq!([sources(0), sources(1), sources(2)], ["stem", "stem b[1]", "stem b[1] b[2]"]);
    let direct = plan(&space, &[Made::Set(1), Made::Set(1), Made::Set(1)]);
    assert!(names(&direct).iter().all(|name| !name.starts_with("b[1]") && !name.starts_with("b[2]")), "they are dead");
}

#[test]
fn how_many_are_picked_is_clipped_to_the_sources_there_are() {
    let space = space(
        "  block b[1..2] after stem { dense = numeric } {\n    let x = concat(pick 1..4 from earlier.dense)\n    \
         out dense = linear(x, 4)\n  }\n  logit = linear(b[2].dense, 1)",
    );
    let takes: Vec<Takes> = space.choices().iter().map(|choice| choice.offer.takes()).collect();
    assert_eq!(takes, [Takes::Set { lo: 1, hi: 1 }, Takes::Set { lo: 1, hi: 2 }]);
}

#[test]
fn an_absent_maybe_vanishes() {
    let space = space(
        "  let x = maybe linear(numeric, 4)\n  let y = linear(numeric, 4) + x\n  logit = linear(concat(y, x), 1)",
    );
    let (off, on) = (plan(&space, &[Made::One(0)]), plan(&space, &[Made::One(1)]));
    assert_eq!((count(&off, Add.into()), count(&off, Concat.into())), (0, 0));
    assert_eq!((count(&on, Add.into()), count(&on, Concat.into())), (1, 1));
    assert_eq!(param(&off, "logit.linear.weight").shape().as_slice(), [1, 4]);
    assert_eq!(param(&on, "logit.linear.weight").full.as_slice(), [1, 8]);
}

#[test]
fn the_same_pick_or_maybe_twice_is_there_twice() {
    let space = space(
        "  let p = pick 1..2 from [relu(numeric), linear(numeric, 5)]\n  let m = maybe sigmoid(numeric)\n  \
         logit = linear(concat(p, p, m, m, numeric), 1)",
    );
    let width = |made: &[Made]| {
        let plan = plan(&space, made);
        plan.nodes.iter().find(|node| node.primitive == Concat.into()).expect("there are several").shape.to_vec()
    };
    assert_eq!(width(&[Made::Set(1), Made::One(0)]), [3 + 3 + 3]);
    assert_eq!(width(&[Made::Set(3), Made::One(0)]), [8 + 8 + 3]);
    assert_eq!(width(&[Made::Set(2), Made::One(1)]), [5 + 5 + 3 + 3 + 3]);
}

#[test]
fn maybe_binds_tighter_than_plus() {
    let space = space("  let x = relu(numeric) + maybe relu(numeric)\n  logit = linear(x, 1)");
    assert_eq!(count(&plan(&space, &[Made::One(0)]), Relu.into()), 1);
}

#[test]
fn choices_inside_an_operator_are_named_by_the_call() {
    let text = "op either(x: dense) -> dense = choose { plain: x; squared: square(x) }\n\nspace s {\n  \
                input numeric: dense\n  let a = either(numeric)\n  let b = either(a)\n  logit = linear(b, 1)\n}\n";
    let space = bound(text);
    let names: Vec<&str> = space.choices().iter().map(|choice| choice.name.as_str()).collect();
    assert_eq!(names, ["a.either", "b.either"]);
}

#[test]
fn line_breaks_end_statements_except_where_something_is_open() {
    let space = space(
        "  let x = linear(\n    numeric,\n    4,\n  )\n  let y = x +\n    x // twice\n  let z = if on {\n    y\n  }\n  \
         else {\n    x\n  }; let w = relu(z)\n  logit = linear(w,\n    1)",
    );
    assert_eq!(count(&plan(&space, &[]), Add.into()), 1);
}

#[test]
fn a_relaxed_architecture_adds_what_it_takes() {
    let space = space("  let x = choose { a: linear(numeric, 4); b: linear(numeric, 4) }\n  logit = linear(x, 1)");
    let both = plan(&space, &[Made::Set(3)]);
    assert_eq!(count(&both, Add.into()), 1);
    assert_eq!(both.params.len(), 6);
}

#[test]
fn a_schema_without_numbers_supplies_one_zero_column() {
    let text = "schema t {\n  label click\n  sparse C[1..2]: int | modulo(rows: 10)\n}\n\nspace s {\n  input numeric: dense\n  \
                logit = linear(numeric, 1)\n}\n";
    let (program, diagnostics) = check(text);
    assert_eq!(diagnostics, []);
    let items = program.items();
    let schema = program.schema(&items[0]).expect("it is sound");
    let space = Space::bind(&program.check_space(&items[1]).expect("it is sound"), &schema).expect("it binds");
    assert_eq!(plan(&space, &[]).nodes[0].shape.as_slice(), [1]);
}

#[test]
fn a_width_over_what_may_be_nothing_has_a_largest_form() {
    // With thirteen numeric columns the divisor is nothing, and the condition keeps away from it.
    let by_data = "if numeric.width > 13 { round(64 / (numeric.width - 13)) } else { 8 }";
    // It is 4 or 40, and could be from -8 to 52 for all that its ends tell.
    let by_widths = "round(64 / (w * w - 3 * w))";
    let space = |columns: usize, width: &str| {
        let text = format!(
            "schema t {{\n  label click\n  dense I[1..{columns}]\n}}\nspace s {{\n  input numeric: dense\n  \
             width w in [4, 8]\n  let y = linear(numeric, w)\n  let x = linear(y, {width})\n  logit = linear(x, 1)\n}}\n"
        );
        let (program, diagnostics) = check(&text);
        assert_eq!(diagnostics, [], "{text}");
        let (schema, space) = (program.schema(&program.items()[0]), program.check_space(&program.items()[1]));
        Space::bind(&space.expect("it is sound"), &schema.expect("it is sound")).expect("it binds")
    };
    let largest = |space: &Space| {
        let param = space.params().iter().find(|param| &*param.name == "x.linear.weight").expect("it is stored");
        param.full.to_vec()
    };
    assert_eq!(largest(&space(13, by_data)), [64, 8]);
    assert_eq!(largest(&space(15, by_data)), [32, 8]);
    let tied = space(3, by_widths);
    assert_eq!(largest(&tied), [64, 8]);
    let lengths = [0, 1].map(|w| param(&plan(&tied, &[Made::One(w)]), "x.linear.weight").axes[0].len());
    assert_eq!(lengths, [16, 2]);
}

#[test]
fn a_choice_of_several_adds_them_up() {
    let space = space("  let d = choose 1..2 { a: linear(numeric, 4); b: linear(numeric, 4) }\n  logit = linear(d, 1)");
    assert_eq!(space.graph().raw_count().to_string(), "3");
    let both = plan(&space, &[Made::Set(0b11)]);
    assert_eq!(count(&both, Add.into()), 1);
    assert_eq!(names(&both)[..4], ["d.a.weight", "d.a.bias", "d.b.weight", "d.b.bias"]);
    let one = plan(&space, &[Made::Set(0b10)]);
    assert_eq!(count(&one, Add.into()), 0);
    assert_eq!(names(&one)[..2], ["d.b.weight", "d.b.bias"]);
}

#[test]
fn iterations_own_their_parameters_and_deeper_ones_use_those_before() {
    let space =
        space("  let h = repeat 1..3 from linear(numeric, 4) as h { relu(linear(h, 4)) }\n  logit = linear(h, 1)");
    let names = |position| names(&plan(&space, &[Made::One(position)]));
    let turns =
        |names: &[String]| names.iter().filter(|name| name.contains("turn_") && name.ends_with("weight")).count();
    let (shallow, deep) = (names(0), names(2));
    assert_eq!((turns(&shallow), turns(&deep)), (1, 3));
    assert!(shallow.iter().all(|name| deep.contains(name)));
    // The last parameters of both are the logit's, the first those of the start.
    assert_eq!(shallow[2], "h.turn_1.linear.weight");
    assert_eq!(deep[6], "h.turn_3.linear.weight");
}

#[test]
fn choices_of_an_iteration_exist_only_when_it_is_deep_enough() {
    let space = space(
        "  let h = repeat 0..2 from linear(numeric, 4) as h {\n    let d = choose { relu(h); sigmoid(h) }\n    d\n  }\n  \
         logit = linear(h, 1)",
    );
    // Depth 0, depth 1 in 2 ways, depth 2 in 4.
    assert_eq!(space.graph().raw_count().to_string(), "7");
    let made = |depth| Architecture::new(vec![Some(Made::One(depth)), None, None]);
    let exists = |depth, choice| space.exists(&made(depth), ChoiceId(choice));
    assert_eq!([exists(0, 1), exists(1, 1), exists(1, 2)], [false, true, false]);
    let first = Architecture::new(vec![Some(Made::One(2)), Some(Made::One(0)), None]);
    assert!(space.exists(&first, ChoiceId(2)));
    assert_eq!(space.missing(&first), [ChoiceId(2)]);
}

/// A space that is called reads what its caller reads, and has parameters and choices of its own at each call.
#[test]
fn a_space_is_called_in_another() {
    let space = bound(
        "space s {
  width q in [5, 6]
  let both = choose { tower(w: q); sum: tower(w: q, deep: on) + tower(w: 7) }
  input numeric: dense
  logit = both + linear(numeric, 1)
}
space tower(w = 4, deep = off) {
  input x: dense
  input f: categorical
  width v in [2, 3]
  let h = if deep { relu(linear(x, w)) } else { linear(x, w) }
  logit = linear(concat(h, flatten(embed(f, v))), 1)
}
",
    );
    // Of the first alternative one width of the tables, of the second two.
    assert_eq!(space.graph().raw_count().to_string(), "12");
    let inputs: Vec<&str> = space.graph().inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["x", "f"]);
    let mut names_seen = std::collections::BTreeSet::new();
    for index in 0..20 {
        let mut rng = nasrec_compiler::streams::Streams::new(3).rng("called", index);
        let plan = space.plan(&space.sample(nasrec_compiler::recipe::Counts::Uniform, &mut rng)).expect("a plan");
        let reads = plan.nodes.iter().filter(|node| matches!(node.primitive, Primitive::Numeric(_))).count();
        assert_eq!(reads, 1, "what both read is read once");
        names_seen.extend(names(&plan));
    }
    for name in ["both.tower.logit.linear.weight", "both.sum.tower.h.linear.weight", "both.sum.tower_2.h.linear.weight"]
    {
        assert!(names_seen.contains(name), "{name} in {names_seen:?}");
    }
}

#[test]
fn a_fixed_repeat_leaves_nothing_open() {
    let space = space("  let h = repeat 3 from numeric as h { relu(linear(h, 4)) }\n  logit = linear(h, 1)");
    assert!(space.choices().is_empty());
    assert_eq!(count(&plan(&space, &[]), Relu.into()), 3);
    // Not at all, as an operator or a space may be told to: the start is the result.
    let space =
        self::space("  let h = repeat 0 from relu(numeric) as h { relu(linear(h, 4)) }\n  logit = linear(h, 1)");
    assert!(space.choices().is_empty());
    assert_eq!(count(&plan(&space, &[]), Relu.into()), 1);
}

#[test]
fn a_repeat_has_at_most_sixty_four_depths() {
    let text = |count: &str| {
        format!(
            "space s {{\n  input numeric: dense\n  let h = repeat {count} from linear(numeric, 4) as h {{ let m = maybe \
             linear(h, 4); linear(h, 4) + m }}\n  logit = linear(h, 1)\n}}\n"
        )
    };
    let (_, diagnostics) = check(&text("0..64"));
    let found: Vec<&str> = diagnostics.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(found, ["65 depths; at most 64 are possible"]);
    // One more choice of two for each.
    let ways = bound(&text("0..63")).graph().raw_count();
    assert_eq!(ways.to_string(), u64::MAX.to_string());
}

#[test]
fn an_alternative_may_be_a_body() {
    let space = space(
        "  let d = choose { a: { let y = linear(numeric, 4); y + relu(y) }; b: linear(numeric, 4) }\n  logit = linear(d, 1)",
    );
    assert_eq!(names(&plan(&space, &[Made::One(0)]))[..2], ["d.a.y.linear.weight", "d.a.y.linear.bias"]);
}

#[test]
fn constants_are_seen_by_spaces_operators_and_arguments() {
    let space = bound(
        "const widths = [4, 8]\nconst twice = 2 * 4\n\
         op f(x: dense) -> dense[twice] = linear(x, twice)\n\
         space s(w = widths) {\n  input numeric: dense\n  width n in w\n  logit = linear(linear(f(numeric), n), 1)\n}\n",
    );
    let offer = &space.choices()[0].offer;
    assert_eq!((offer.word(), offer.numbers()), (Word::Width, &[4, 8][..]));
    assert_eq!(param(&plan(&space, &[Made::One(0)]), "logit.f.linear.weight").full[..], [8, 3]);
}

#[test]
fn a_search_takes_over_what_it_does_not_say() {
    let text = "import \"schemas.nasrec\" { criteo }\nspace s {\n  input numeric: dense\n  width w in [4, 8]\n  \
                logit = linear(linear(numeric, w), 1)\n}\n\
                search a on s with criteo {\n  data { files: \"a.tsv\" }\n  train { batch: 64; epochs: 3 }\n  \
                evolve { population: 5 }\n}\n\
                search b extends a { train { batch: 32 } }\n\
                search c extends b { random { samples: 9 }; data { synthetic { rows: 50 } } }\n";
    let (program, diagnostics) = check(text);
    assert_eq!(diagnostics, []);
    let search = |name: &str| {
        let item = program.items().into_iter().find(|item| item.name == name).expect("it is there");
        program.search(&item, &[]).expect("it is sound")
    };
    let (b, c) = (search("b"), search("c"));
    assert_eq!((b.recipe.train.batch, b.recipe.train.epochs, b.space.name.as_str()), (32, 3, "s"));
    assert!(matches!(b.recipe.method, nasrec_compiler::recipe::Method::Evolve { population: 5, .. }));
    assert!(matches!(c.recipe.method, nasrec_compiler::recipe::Method::Random { samples: 9 }));
    assert!(matches!(c.recipe.data.source, nasrec_compiler::recipe::Source::Synthetic(_)));
    assert_eq!(c.recipe.train, b.recipe.train);
}

#[test]
fn paths_are_sampled_as_a_recipe_says() {
    use nasrec_compiler::recipe::{Counts, Paths};
    let paths = |setting: &str| {
        let text = format!(
            "schema t {{ label l; dense I[1..3] }}
             space s {{ input x: dense; logit = linear(x, 1) }}
             search a on s with t {{ data {{ synthetic {{ rows: 100 }} }}; {setting} }}"
        );
        let (program, found) = check(&text);
        assert_eq!(found, []);
        let item = program.find(ItemKind::Search, "a").expect("it is there");
        program.search(&item, &[]).expect("it is sound").recipe.train.paths
    };
    let half = Counts::Binomial(0.5);
    let sandwich = |random, counts| Paths::Sandwich { random, counts };
    assert_eq!(paths("seed: 1"), Paths::SingleOperatorAnyConnection { counts: half });
    assert_eq!(paths("train { paths: fair }"), Paths::Fair);
    assert_eq!(paths("train { paths: sandwich }"), sandwich(2, half));
    assert_eq!(paths("train { paths: sandwich(5, counts: uniform) }"), sandwich(5, Counts::Uniform));
    for way in [Paths::Fair, sandwich(3, Counts::Uniform), Paths::SingleOperatorAnyConnection { counts: half }] {
        let text = serde_json::to_string(&way).expect("JSON");
        assert_eq!(serde_json::from_str::<Paths>(&text).expect("the same"), way, "{text}");
    }
    assert_eq!(Paths::Fair.counts(), Counts::Uniform);
}

#[test]
fn an_open_architecture_leaves_the_rest_open() {
    let text = "space s {\n  input numeric: dense\n  width w in [4, 8]\n  width v in [4, 8]\n  \
                logit = linear(linear(linear(numeric, w), v), 1)\n}\narch a of s { w: 4; .. }\narch b of s { w: 4 }\n";
    let (program, diagnostics) = check(text);
    assert_eq!(diagnostics.len(), 1, "{diagnostics:#?}");
    let item = program.items().into_iter().find(|item| item.name == "a").expect("it is there");
    let arch = program.arch(&item).expect("it is sound");
    assert!(arch.open);
    assert_eq!(arch.architecture.made(), [Some(Made::One(0)), None]);
}

/// What is asked of a node's place is recorded when it is written, whatever names its path is made of.
#[test]
fn nodes_know_their_block_their_operator_and_whether_they_are_the_logits() {
    let space = space(
        "  let stem = relu(linear(numeric, 4))
  let turn_off = sigmoid(linear(stem, 4))
  shared p = linear(_, 4)
  block b[1..2] after first { x = p(turn_off); s = embed(fields, 4) } {
    let x = concat(pick 1..2 from earlier.x)
    let d = choose { fc: linear(x, 4); linear(x, 4) }
    let h = repeat 1..2 from d as v { relu(linear(v, 4)) }
    out x = h + p(h)
    out s = concat(pick 1 from earlier.s)
  }
  logit = linear(concat(p(b[2].x), flatten(b[2].s)), 1)",
    );
    let graph = space.graph();
    let place = |path: &str| {
        let node = graph.graph.node_weights().find(|node| &*node.path == path);
        let place = &node.unwrap_or_else(|| panic!("{path} is not there")).place;
        (place.block.as_deref(), &*place.operator, place.head)
    };
    for (path, expected) in [
        ("numeric", (None, "numeric", false)),
        ("stem.linear", (None, "linear", false)),
        ("turn_off.sigmoid", (None, "sigmoid", false)),
        ("p.linear", (None, "linear", false)),
        ("first.s.embed", (None, "embed", false)),
        ("b[2].x.concat", (Some("b[2]"), "concat", false)),
        ("b[1].s.pick", (Some("b[1]"), "pick", false)),
        ("b[2].d.fc", (Some("b[2]"), "fc", false)),
        ("b[2].d.linear", (Some("b[2]"), "linear", false)),
        ("b[2].d.choose", (Some("b[2]"), "choose", false)),
        ("b[2].h.turn_2.relu", (Some("b[2]"), "relu", false)),
        ("b[1].x.sum", (Some("b[1]"), "sum", false)),
        ("logit.flatten", (None, "flatten", true)),
        ("logit.linear", (None, "linear", true)),
    ] {
        assert_eq!(place(path), expected, "{path}");
    }
}

/// Each number that can be tuned is that of the recipe which is called so, and of no other.
#[test]
fn what_is_tuned_is_what_the_recipe_calls_so() {
    use nasrec_compiler::recipe::{KNOBS, Knob};

    let text = "import \"schemas.nasrec\" { criteo }\nspace s {\n  input numeric: dense\n  width w in [4, 8]\n  \
                logit = linear(linear(numeric, w), 1)\n}\n\
                search a on s with criteo {\n  data { files: \"a.tsv\" }\n  trials { }\n  embeddings { l2: table(0.5) }\n  \
                retrain { optimiser: adamw(lr: 0.5); batch: 7; epochs: 9; schedule: constant }\n  tune { lr: [0.25] }\n}\n";
    let (program, diagnostics) = check(text);
    assert_eq!(diagnostics, []);
    let set = |path: &str, value: &str| {
        let mut program = check(text).0;
        let setting = program.read_override(&format!("{path}={value}")).expect("a setting");
        let item = program.items().into_iter().find(|item| item.name == "a").expect("it is there");
        program.search(&item, &[setting]).expect("it is sound").recipe
    };
    let item = program.items().into_iter().find(|item| item.name == "a").expect("it is there");
    let recipe = program.search(&item, &[]).expect("it is sound").recipe;
    let same = [
        (Knob::Lr, 0.25, "retrain.optimiser", "adamw(lr: 0.25)"),
        (Knob::WeightDecay, 0.5, "retrain.optimiser", "adamw(lr: 0.5, weight_decay: 0.5)"),
        (Knob::Batch, 33.0, "retrain.batch", "33"),
        (Knob::Epochs, 4.0, "retrain.epochs", "4"),
        (Knob::Clip, 0.5, "retrain.clip", "0.5"),
        (Knob::LabelSmoothing, 0.25, "retrain.label_smoothing", "0.25"),
        (Knob::Schedule, 1.0, "retrain.schedule", "cosine"),
        (Knob::L2, 0.125, "embeddings.l2", "table(0.125)"),
    ];
    assert_eq!(same.map(|(knob, ..)| knob), KNOBS.map(|(knob, _)| knob));
    for (knob, value, path, written) in same {
        let mut tuned = recipe.clone();
        knob.set(&mut tuned, value);
        assert_eq!(tuned, set(path, written), "{path}");
    }
}
