//! Properties of every plan, on random architectures of the spaces that ship, over Criteo: what an executor relies on.

use std::collections::HashMap;

use nasrec_compiler::plan::{Layout, Node, Param, ParamKind, Plan, Shape};
use nasrec_compiler::primitives::{Attention, Axis, LayerNorm, Linear, Primitive, Reduce};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, Space};

use crate::memory::space;

/// Architectures a space.
const SAMPLES: u64 = 150;

fn spaces() -> Vec<Space> {
    ["nasrec_full", "nasrec_small", "interactions", "autoctr"]
        .map(|name| {
            let (checked, criteo) = space(name, "", "criteo");
            Space::bind(&checked, &criteo).expect("it binds")
        })
        .into()
}

/// Architectures, and some relaxed ones, of which several alternatives and all sources are taken.
fn sampled(space: &Space) -> Vec<Architecture> {
    let streams = Streams::new(11);
    let counts = [Counts::Uniform, Counts::Binomial(0.5)];
    let plain = (0..SAMPLES).map(|i| space.sample(counts[i as usize % 2], &mut streams.rng("plain", i)));
    let mixed = Sampling { counts: Counts::Binomial(0.5), full_path: 0.5 };
    plain.chain((0..SAMPLES / 5).map(|i| space.sample_path(mixed, &mut streams.rng("mixed", i)))).collect()
}

/// The shape that a primitive's definition gives, from its inputs and parameters alone; `None` where only the node
/// itself says how large it is.
fn shape_by_rule(node: &Node, inputs: &[&Shape], params: &[&Param]) -> Option<Shape> {
    let shape = |sizes: &[usize]| Some(Shape::from_slice(sizes));
    match node.primitive {
        Primitive::Numeric(_) => shape(&[13]),
        Primitive::Embed(_) => shape(&[params.len(), params[0].shape()[1]]),
        Primitive::Linear(Linear { axis, .. }) => {
            let mut out = inputs[0].clone();
            let at = axis.index(out.len());
            assert_eq!(params[0].shape()[1], out[at], "{}: the weight's input side", node.path);
            out[at] = params[0].shape()[0];
            Some(out)
        }
        Primitive::LinearEach(_) => {
            assert_eq!(params[0].shape()[1], inputs[0][1], "{}: the weights' input side", node.path);
            shape(&[inputs[0][0], params[0].shape()[0] / inputs[0][0]])
        }
        Primitive::LayerNorm(LayerNorm { .. })
        | Primitive::BatchNorm(_)
        | Primitive::Relu(_)
        | Primitive::Sigmoid(_)
        | Primitive::Tanh(_)
        | Primitive::Dropout(_)
        | Primitive::StopGradient(_)
        | Primitive::Affine(_)
        | Primitive::Map(_)
        | Primitive::Softmax(_)
        | Primitive::Square(_) => Some(inputs[0].clone()),
        Primitive::Weight(_) => Some(params[0].shape()),
        Primitive::Fill(_) | Primitive::Slice(_) => None,
        Primitive::Mask(_) => shape(&[node.lookups.len()]),
        Primitive::Transpose(_) => shape(&[inputs[0][1], inputs[0][0]]),
        Primitive::Matmul(_) => {
            assert_eq!(inputs[0][1], inputs[1][0], "{}", node.path);
            shape(&[inputs[0][0], inputs[1][1]])
        }
        Primitive::Attention(Attention { heads }) => {
            assert_eq!(inputs[0][1] % heads, 0, "{}", node.path);
            Some(inputs[0].clone())
        }
        Primitive::Add(_) | Primitive::Sub(_) | Primitive::Mul(_) => {
            assert!(inputs.iter().all(|input| *input == inputs[0]), "{}: {inputs:?}", node.path);
            Some(inputs[0].clone())
        }
        Primitive::Concat(_) => {
            let mut out = inputs[0].clone();
            assert!(inputs.iter().all(|input| input[1..] == out[1..]), "{}: {inputs:?}", node.path);
            out[0] = inputs.iter().map(|input| input[0]).sum();
            Some(out)
        }
        Primitive::Pad(_) => {
            assert!(node.shape.len() == 1 && node.shape[0] >= inputs[0][0], "{}", node.path);
            None
        }
        Primitive::Rows(_) => {
            assert_eq!(node.shape.iter().product::<usize>(), inputs[0][0], "{}", node.path);
            None
        }
        Primitive::EmbedNumbers(_) => shape(&[inputs[0][0], node.shape[1]]),
        Primitive::Flatten(_) => shape(&[inputs[0][0] * inputs[0][1]]),
        Primitive::SumFields(_) => shape(&[inputs[0][1]]),
        Primitive::Gram(_) => shape(&[inputs[0][0], inputs[0][0]]),
        Primitive::FieldProducts(_) => shape(&[inputs[0][0] * inputs[1][0], inputs[0][1]]),
        Primitive::PairProducts(_) => shape(&[inputs[0][0] * (inputs[0][0] - 1) / 2, inputs[0][1]]),
        Primitive::Scale(_) | Primitive::Shift(_) => Some(inputs[0].clone()),
        Primitive::Reduce(Reduce { .. }) => shape(if inputs[0].len() == 2 { &inputs[0][..1] } else { &[1] }),
        Primitive::LowerTriangle(_) => {
            assert_eq!(inputs[0][0], inputs[0][1], "{}", node.path);
            shape(&[inputs[0][0] * (inputs[0][0] - 1) / 2])
        }
    }
}

/// The active shapes of a node's parameters that its primitive documents.
fn param_shapes_by_rule(node: &Node, inputs: &[&Shape], fields: usize) -> Vec<Vec<usize>> {
    let along = |axis: Axis, shape: &Shape| shape[axis.index(shape.len())];
    match node.primitive {
        Primitive::Embed(_) => vec![vec![500_000, node.shape[1]]; fields],
        Primitive::Linear(Linear { axis, bias }) => {
            let (out, input) = (along(axis, &node.shape), along(axis, inputs[0]));
            if bias { vec![vec![out, input], vec![out]] } else { vec![vec![out, input]] }
        }
        Primitive::LinearEach(op) => {
            let stacked: usize = node.shape.iter().product();
            [vec![stacked, inputs[0][1]], vec![stacked]].into_iter().take(1 + usize::from(op.bias)).collect()
        }
        Primitive::LayerNorm(LayerNorm { axis, .. }) => vec![vec![along(axis, &node.shape)]; 2],
        Primitive::BatchNorm(_) => vec![node.shape.to_vec(); 4],
        Primitive::Attention(Attention { .. }) => {
            let e = node.shape[1];
            vec![vec![3 * e, e], vec![3 * e], vec![e, e], vec![e]]
        }
        Primitive::Shift(_) | Primitive::EmbedNumbers(_) | Primitive::Weight(_) => vec![node.shape.to_vec()],
        _ => Vec::new(),
    }
}

#[test]
fn every_plan_is_in_order_and_of_the_shapes_that_its_primitives_define() {
    for space in spaces() {
        for architecture in sampled(&space) {
            let plan = space.plan(&architecture).expect("a sampled architecture has a plan");
            let mut used = vec![false; plan.params.len()];
            let mut read = vec![false; plan.nodes.len()];
            for (index, node) in plan.nodes.iter().enumerate() {
                assert!(node.inputs.iter().all(|&input| input < index), "{}", node.path);
                node.inputs.iter().for_each(|&input| read[input] = true);
                node.params.iter().for_each(|&param| used[param] = true);
                let inputs: Vec<&Shape> = node.inputs.iter().map(|&input| &plan.nodes[input].shape).collect();
                let params: Vec<&Param> = node.params.iter().map(|&param| &plan.params[param]).collect();
                if let Some(shape) = shape_by_rule(node, &inputs, &params) {
                    assert_eq!(node.shape, shape, "{}", node.path);
                }
                let shapes: Vec<Vec<usize>> = params.iter().map(|param| param.shape().to_vec()).collect();
                assert_eq!(shapes, param_shapes_by_rule(node, &inputs, 26), "{}", node.path);
            }
            read[plan.logit] = true;
            assert!(read.iter().all(|&read| read), "every node is needed");
            assert!(used.iter().all(|&used| used), "every parameter is needed");
            assert_eq!(plan.nodes[plan.logit].shape.as_slice(), [1]);
        }
    }
}

#[test]
fn layouts_ascend_inside_the_stored_parameter() {
    let inside = |layout: &Layout, full: usize| {
        let positions: Vec<usize> = layout.positions().collect();
        positions.is_sorted_by(|a, b| a < b) && positions.last().is_some_and(|&last| last < full)
    };
    for space in spaces() {
        let mut stored: HashMap<usize, Shape> = HashMap::new();
        for architecture in sampled(&space) {
            let plan = space.plan(&architecture).expect("it has a plan");
            let mut seen = HashMap::new();
            for param in &plan.params {
                assert_eq!(param.axes.len(), param.full.len(), "{}", param.name);
                for (axis, (layout, &full)) in param.axes.iter().zip(&param.full).enumerate() {
                    // The rows of a table are many and always whole.
                    if matches!(param.kind, ParamKind::Table { .. }) && axis == 0 {
                        assert_eq!(*layout, Layout::prefix(full));
                    } else {
                        assert!(inside(layout, full), "{} {layout:?} {full}", param.name);
                    }
                }
                let own = &space.params()[param.id];
                assert_eq!((&own.name, &own.full), (&param.name, &param.full));
                assert_eq!(*stored.entry(param.id).or_insert_with(|| param.full.clone()), param.full);
                assert!(seen.insert(param.id, ()).is_none(), "{} is there twice", param.name);
            }
        }
    }
}

#[test]
fn canonical_forms_have_the_same_plan() {
    for space in spaces() {
        let mut dead = 0;
        for architecture in sampled(&space) {
            let plan = space.plan(&architecture).expect("it has a plan");
            let canonical = space.canonical(&architecture).expect("it has a canonical form");
            assert_eq!(space.plan(&canonical).expect("it is enough").hash(), plan.hash());
            assert_eq!(space.canonical(&canonical).expect("it is enough"), canonical, "a form of its own");
            dead += usize::from(canonical != architecture);
            for (kept, made) in canonical.made().iter().zip(architecture.made()) {
                assert!(kept.is_none() || kept == made, "nothing is changed, only forgotten");
            }
        }
        assert!(dead > 0, "some choices are dead in a sample of this size");
    }
}

#[test]
fn different_plans_have_different_hashes() {
    for space in spaces() {
        let mut known: HashMap<String, Plan> = HashMap::new();
        for architecture in sampled(&space) {
            let plan = space.plan(&architecture).expect("it has a plan");
            if let Some(other) = known.insert(plan.hash(), plan.clone()) {
                assert_eq!(other, plan);
            }
        }
        assert!(known.len() > SAMPLES as usize / 2);
    }
}

#[test]
fn one_changed_choice_changes_the_plan_where_it_is_live() {
    for space in spaces() {
        let streams = Streams::new(12);
        for i in 0..SAMPLES / 3 {
            let mut rng = streams.rng("parents", i);
            let parent = space.sample(Counts::Uniform, &mut rng);
            let child = space.mutate(&parent, 1, Counts::Uniform, &mut rng);
            let same_form = space.canonical(&parent) == space.canonical(&child);
            let same_plan = space.plan(&parent).expect("a plan").hash() == space.plan(&child).expect("a plan").hash();
            assert!(!same_form || same_plan, "one canonical form, two plans");
        }
    }
}

#[test]
fn plans_survive_serialisation() {
    for space in spaces() {
        for architecture in sampled(&space).iter().step_by(10) {
            let plan = space.plan(architecture).expect("it has a plan");
            let text = serde_json::to_string(&plan).expect("it serialises");
            let read: Plan = serde_json::from_str(&text).expect("it is read back");
            assert_eq!(read, plan);
            assert_eq!(read.hash(), plan.hash());
            let text = serde_json::to_string(architecture).expect("it serialises");
            let read: Architecture = serde_json::from_str(&text).expect("it is read back");
            assert_eq!(read, *architecture);
        }
    }
}

#[test]
fn alone_an_architecture_costs_what_it_costs_in_the_space() {
    for space in spaces() {
        for architecture in sampled(&space).iter().step_by(5) {
            let plan = space.plan(architecture).expect("it has a plan");
            let alone = plan.standalone();
            assert_eq!((alone.macs(), alone.dense_params()), (plan.macs(), plan.dense_params()));
            assert!(alone.params.iter().all(Param::is_whole));
            let shapes = |plan: &Plan| plan.params.iter().map(Param::shape).collect::<Vec<_>>();
            assert_eq!(shapes(&alone), shapes(&plan));
        }
    }
}

#[test]
fn one_source_gives_one_plan() {
    let hashes = || -> Vec<String> {
        let spaces = spaces();
        spaces
            .iter()
            .flat_map(|s| sampled(s).into_iter().take(20).map(|a| s.plan(&a).expect("a plan").hash()))
            .collect()
    };
    assert_eq!(hashes(), hashes());
}
