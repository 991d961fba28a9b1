//! Inputs that say which columns they read: the tables, numbers, sizes and costs that follow from a schema.

use nasrec_compiler::plan::{Cost, Plan};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::End;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Space};

use crate::memory::check;

const SCHEMA: &str = "schema ratings {
  format csv
  label liked
  dense hour
  sparse city: text | hash(rows: 7)
  user {
    sparse user: int | vocabulary(rows: 11)
    dense age | standardise
    sparse job: text | vocabulary(rows: 5)
  }
  item { sparse item: int | vocabulary(rows: 13); dense price, stars; sparse seen: int | list(\"^\") | same(item) }
}
";

/// The plan of a space that leaves nothing open.
fn plan(space: &str) -> Plan {
    let (program, found) =
        check(&format!("{SCHEMA}{space}\nsearch s on m with ratings {{ data {{ files: \"t.csv\" }} }}\n"));
    assert_eq!(found, [], "{space}");
    let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("a sound search");
    let space = Space::bind(&search.space, &search.schema).expect("it binds");
    space.plan(&Architecture::new(Vec::new())).expect("nothing is open")
}

fn tables(plan: &Plan) -> Vec<String> {
    let tables = plan.params.iter().filter(|param| param.kind.is_table());
    tables.map(|table| format!("{} {}", table.name, table.full[0])).collect()
}

#[test]
fn tables_are_those_of_the_columns_that_an_input_names() {
    let of_item = plan(
        "space m {\n input user: categorical from user\n input some: categorical from item, city\n\
         let u = flatten(embed(user, 4))\n let v = flatten(embed(some, 2))\n logit = linear(concat(u, v), 1)\n}",
    );
    assert_eq!(
        tables(&of_item),
        ["u.embed.table.user 11", "u.embed.table.job 5", "v.embed.table.item 13", "v.embed.table.city 7"]
    );
    // A column with the table of another one is looked up there.
    let lookups = of_item.nodes.iter().find(|node| !node.lookups.is_empty()).expect("one has a bag");
    assert_eq!(lookups.lookups.iter().map(|lookup| lookup.field).collect::<Vec<_>>(), [3, 4, 0]);
    assert_eq!(lookups.shape.as_slice(), [3, 2]);
    assert_eq!(of_item.embedding_params(), 4 * (11 + 5) + 2 * (13 + 7));
}

#[test]
fn numbers_are_those_that_an_input_names_in_its_order() {
    let some =
        plan("space m {\n input a: dense from item, hour\n input b: dense\n logit = linear(a, 1) + linear(b, 1)\n}");
    let numbers: Vec<&[usize]> =
        some.nodes.iter().filter(|node| node.inputs.is_empty()).map(|node| node.columns.as_slice()).collect();
    assert_eq!(numbers, [&[2, 3, 0][..], &[]]);
    assert_eq!(some.macs(), 3 + 4);
}

#[test]
fn all_columns_in_the_order_of_the_schema_are_what_no_name_reads() {
    let text = |from: &str| {
        format!(
            "space m {{\n input x: dense{}\n input c: categorical{}\n logit = linear(concat(x, flatten(embed(c, 4))), 1)\n}}",
            from.replace("ALL", "hour, age, item"),
            from.replace("ALL", "city, user, item")
        )
    };
    assert_eq!(plan(&text("")), plan(&text(" from ALL")));
    assert_ne!(plan(&text("")).fingerprint(), plan(&text(" from item")).fingerprint());
}

#[test]
fn what_is_asked_only_for_its_count_has_no_table() {
    let counted = plan(
        "space m {\n input x: dense\n input c: categorical\n input u: categorical from user\n\
         logit = linear(linear(x, 8 * c.count + u.count), 1)\n}",
    );
    assert_eq!((tables(&counted).len(), counted.macs()), (0, 4 * 42 + 42));
}

#[test]
fn what_no_logit_reads_is_not_stored() {
    let stored = |space: &str| {
        let (program, found) = check(&format!("{SCHEMA}{space}\narch a of m with ratings {{ w: 8 }}\n"));
        assert_eq!(found, [], "{space}");
        let arch = program.arch(&program.visible(ItemKind::Arch)[0]).expect("sound");
        let space = Space::bind(&arch.space, arch.schema.as_ref().expect("named")).expect("it binds");
        space.params().iter().map(|param| param.name.to_string()).collect::<Vec<_>>()
    };
    let asked_for_its_size = stored(
        "space m {\n input x: dense\n input c: categorical\n width w in [8, 16]\n let n = embed(c, 64).fields\n\
         logit = linear(linear(x, n + w), 1)\n}",
    );
    assert_eq!(
        asked_for_its_size,
        ["logit.linear.weight", "logit.linear.bias", "logit.linear_2.weight", "logit.linear_2.bias"]
    );
    // With five fields the second branch is never taken, and with any others the first.
    let branches = |fields: u32| {
        stored(&format!(
            "space m {{\n input x: dense\n input c: categorical\n width w in [8, 16]\n\
             let y = if c.count == {fields} {{ linear(x, w) }} else {{ linear(flatten(embed(c, 64)), w) }}\n logit = linear(y, 1)\n}}"
        ))
    };
    assert_eq!((branches(5).len(), branches(4).len()), (4, 8));
}

#[test]
fn a_sequence_is_its_places_in_one_table() {
    let din = plan(
        "space m {\n input target: categorical from item\n input seen: sequence from seen\n shared table = embed(_, 3)\n\
         let weights = softmax(linear(mask(seen), seen.count))\n let s = scale(table(seen), weights)\n\
         logit = linear(concat(flatten(table(target)), flatten(s)), 1)\n}",
    );
    // As many places as a list has where nothing is said; the table is that of `item`, with which `seen` is the same.
    assert_eq!(tables(&din), ["table.embed.table.item 13"]);
    assert_eq!(din.embedding_params(), 3 * 13);
    let sequence =
        din.nodes.iter().find(|node| node.lookups.len() == 16 && !node.params.is_empty()).expect("it is there");
    assert_eq!((sequence.shape.as_slice(), sequence.params.len()), (&[16, 3][..], 16));
    let places: Vec<_> = sequence.lookups.iter().map(|lookup| (lookup.field, lookup.place)).collect();
    assert_eq!(places, (0..16).map(|place| (4, Some(place))).collect::<Vec<_>>());
    let mask = din.nodes.iter().find(|node| node.primitive.name() == "mask").expect("it is there");
    assert_eq!((mask.lookups == sequence.lookups, mask.shape.as_slice()), (true, &[16][..]));
    // A plan that was written down is read as it was, and one without places is another.
    let written = serde_json::to_string(&din).expect("written");
    assert_eq!(serde_json::from_str::<Plan>(&written).expect("read"), din);
    let mut without = din.clone();
    without.nodes.iter_mut().flat_map(|node| &mut node.lookups).for_each(|lookup| lookup.place = Some(0));
    assert_ne!(without.fingerprint(), din.fingerprint());
}

#[test]
fn the_one_list_of_a_schema_is_its_sequence() {
    let text =
        |from: &str| format!("space m {{\n input s: sequence{from}\n logit = linear(flatten(embed(s, 2)), 1)\n}}");
    assert_eq!(plan(&text("")), plan(&text(" from item")));
    assert_eq!(plan(&text("")).macs(), 32);
}

#[test]
fn the_same_call_over_two_inputs_is_two_computations() {
    let twins = plan(
        "space m {\n input a: categorical from user\n input b: categorical from item\n shared f = embed(_, 3)\n\
         logit = linear(sum_fields(f(a)) * sum_fields(f(b)), 1)\n}",
    );
    assert_eq!((twins.nodes.iter().filter(|node| node.inputs.is_empty()).count(), tables(&twins).len()), (2, 3));
    let (program, found) = check(
        "space m {\n input a: dense from age\n input b: dense from hour\n width w in [2, 4]\n\
         logit = linear(choose { one: linear(a, w); other: linear(b, w) }, 1)\n}",
    );
    // They are no alternatives that compute the same.
    assert_eq!((found, program.items().len()), (Vec::new(), 1));
}

#[test]
fn a_quotient_is_a_size_where_no_choice_leaves_a_fraction() {
    let text = |by: u32| {
        format!(
            "space m {{\n input x: dense\n width w in [8, 12, 20]\n let h = linear(x, w)\n\
             logit = linear(flatten(linear_each(rows(h, {by}, w / {by}), 2)), 1)\n}}"
        )
    };
    assert_eq!(check(&text(4)).1, []);
    let found = check(&text(8)).1;
    assert_eq!(found.len(), 1);
    assert!(found[0].labels[0].text.contains("1.5 when w = 12"), "{found:?}");
    // Of as many columns as some table has it may be whole, and of another one not.
    assert_eq!(check("space m {\n input x: dense\n logit = linear(linear(x, (x.width + 1) / 2), 1)\n}").1.len(), 1);
}

/// What a number of columns leaves no fraction of is a size, and nothing else is: held against the numbers themselves.
#[test]
fn a_quotient_of_columns_is_a_size_where_it_is_whole_for_all_of_them() {
    let is_size = |size: &str| {
        let text = format!(
            "space m {{\n input x: dense\n input c: categorical\n width w in [3, 6]\n let h = linear(x, max(1, {size}))\n\
             logit = linear(concat(h, linear(flatten(embed(c, 4)), w)), 1)\n}}"
        );
        check(&text).1.iter().all(|finding| !finding.message.contains("whole number"))
    };
    type OfColumns = fn(i64, i64) -> i64;
    let cases: [(&str, OfColumns, i64); 9] = [
        ("x.width * 16 / 2", |n, _| 16 * n, 2),
        ("x.width * (x.width - 1) / 2", |n, _| n * (n - 1), 2),
        ("x.width * (x.width + 1) * (x.width + 2) / 6", |n, _| n * (n + 1) * (n + 2), 6),
        ("(x.width + 1) / 2", |n, _| n + 1, 2),
        ("x.width * x.width / 4", |n, _| n * n, 4),
        ("x.width * c.count / 2", |n, c| n * c, 2),
        (
            "(x.width * x.width + x.width * c.count + c.count * (c.count + x.width)) / 2",
            |n, c| n * n + 2 * n * c + c * c,
            2,
        ),
        ("(c.count * (c.count + 1) / 2 + x.width * (x.width + 1) / 2) * 2 / 4", |n, c| c * (c + 1) + n * (n + 1), 4),
        ("(c.count * (c.count - 1) + 6 * x.width) / 2", |n, c| c * (c - 1) + 6 * n, 2),
    ];
    for (size, of, by) in cases {
        let whole = (1..25).all(|n| (0..25).all(|c| of(n, c) % by == 0));
        assert_eq!(is_size(size), whole, "{size}");
    }
    // A choice among them is one more number that is tried.
    assert!(is_size("x.width * w * (w + 1) / 6") && !is_size("x.width * w * (w + 1) / 12"));
    assert!(is_size("w * x.width * (x.width - 1) / 6") && !is_size("w * x.width / 6"));
}

#[test]
fn parts_of_tensors_are_cut_out_whatever_is_chosen() {
    let cut = plan(
        "space m {\n input x: dense\n input f: categorical\n let h = linear(x, 8)\n let e = embed(f, 3)\n\
         logit = linear(concat(h[2..5], h[8], e[1], flatten(e[1..1])), 1)\n}",
    );
    let slices = cut.nodes.iter().filter(|node| node.primitive.name() == "slice");
    let shapes: Vec<&[usize]> = slices.map(|node| node.shape.as_slice()).collect();
    // `e[1]` and `e[1..1]` are one part, of which one is flattened by hand.
    assert_eq!(shapes, [&[4][..], &[1], &[1, 3], &[1, 3]]);
    assert_eq!(cut.macs(), 8 * 4 + (4 + 1 + 3 + 3));
    assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&cut).expect("written")).expect("read"), cut);
    let mut beyond = cut.clone();
    for node in &mut beyond.nodes {
        if let nasrec_compiler::primitives::Primitive::Slice(slice) = &mut node.primitive {
            slice.from += 7;
        }
    }
    assert!(
        nasrec_compiler::plan::sound::check(&beyond.nodes, &beyond.params, &[beyond.logit], &beyond.heads).is_err()
    );
}

/// A shared call looks up all columns of one input and some of another: a table that both look up is there once, and the others as well.
#[test]
fn tables_that_are_shared_in_part_are_counted_once_each() {
    for (first, second) in
        [("item, city", "seen"), ("seen", "item, city"), ("item, city", "user, item"), ("city", "user")]
    {
        let kind = |from: &str| if from == "seen" { "sequence" } else { "categorical" };
        let (program, found) = check(&format!(
            "{SCHEMA}space m {{\n width d in [2, 4]\n input a: {} from {first}\n input b: {} from {second}\n shared table = embed(_, d)\n\
             logit = linear(flatten(table(a)), 1) + linear(flatten(table(b)), 1)\n}}\nsearch s on m with ratings {{ data {{ files: \"t.csv\" }} }}\n",
            kind(first),
            kind(second)
        ));
        assert_eq!(found, [], "{first} {second}");
        let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("a sound search");
        let space = Space::bind(&search.space, &search.schema).expect("it binds");
        let mut extremes = [u64::MAX, 0];
        for index in 0..20 {
            let drawn = space.sample(Counts::Uniform, &mut Streams::new(1).rng("drawn", index));
            let plan = space.plan(&drawn).expect("it is complete");
            assert_eq!(space.costs(&drawn), Ok(plan.costs()), "{first} {second}");
            let params = plan.embedding_params();
            extremes = [extremes[0].min(params), extremes[1].max(params)];
        }
        for (end, expected) in [End::Least, End::Most].into_iter().zip(extremes) {
            let bound = space.extreme(Cost::EmbeddingParams, end).expect("something is allowed");
            assert!(bound.is_optimal(), "{first} {second}");
            assert_eq!(bound.witness.expect("one was met").value, expected, "{first} {second}");
        }
    }
}
