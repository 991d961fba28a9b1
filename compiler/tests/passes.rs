//! Each pass on graphs put together by hand, and on random architectures of the spaces that ship.

use nasrec_compiler::Space;
use nasrec_compiler::plan::passes::{Merged, cse, dead, fold, identity, merge, together, verify};
use nasrec_compiler::plan::{Init, Layout, Node, Param, ParamKind, Place};
use nasrec_compiler::primitives::{
    Add, Axis, Concat, Dropout, Flatten, LayerNorm, Linear, Numeric, Pad, Primitive, Relu, Rows,
};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::Streams;

use crate::memory::space;

/// A graph that grows by hand.
#[derive(Default)]
struct Hand(Merged);

impl Hand {
    fn node(&mut self, primitive: Primitive, inputs: &[usize], params: &[usize], shape: &[usize]) -> usize {
        self.0.nodes.push(Node {
            primitive,
            inputs: inputs.iter().copied().collect(),
            params: params.iter().copied().collect(),
            lookups: Vec::new(),
            columns: Vec::new(),
            shape: shape.iter().copied().collect(),
            path: format!("n{}", self.0.nodes.len()).into(),
            place: Place::outside("n").into(),
        });
        self.0.nodes.len() - 1
    }

    fn param(&mut self, id: usize, shape: &[usize]) -> usize {
        self.0.params.push(Param {
            id,
            name: format!("p{id}").into(),
            full: shape.iter().map(|size| size + 4).collect(),
            axes: shape.iter().map(|&size| Layout::prefix(size)).collect(),
            kind: ParamKind::Dense,
            init: Init::XavierUniform,
        });
        self.0.owners.push(None);
        self.0.params.len() - 1
    }

    fn numeric(&mut self, width: usize) -> usize {
        self.node(Numeric.into(), &[], &[], &[width])
    }

    /// A linear layer with the stored weight `id`.
    fn linear(&mut self, x: usize, id: usize, out: usize) -> usize {
        let weight = self.param(id, &[out, self.0.nodes[x].shape[0]]);
        self.node(Linear { axis: Axis::Last, bias: false }.into(), &[x], &[weight], &[out])
    }

    fn output(mut self, node: usize) -> Merged {
        self.0.outputs.push(node);
        self.0
    }
}

fn names(graph: &Merged) -> Vec<&'static str> {
    graph.nodes.iter().map(|node| node.primitive.name()).collect()
}

type Pass = fn(&mut Merged);

fn checked(mut graph: Merged, pass: Pass) -> Merged {
    pass(&mut graph);
    verify(&graph).expect("every pass leaves a sound graph");
    graph
}

#[test]
fn dead_code_goes_with_its_parameters_and_what_any_output_needs_stays() {
    let mut hand = Hand::default();
    let x = hand.numeric(3);
    let first = hand.linear(x, 0, 1);
    let unread = hand.linear(x, 1, 5);
    hand.node(Relu.into(), &[unread], &[], &[5]);
    let second = hand.linear(x, 2, 1);
    let mut graph = hand.output(second);
    assert!(verify(&graph).unwrap_err().0.contains("needed by no output"));
    graph.outputs.push(first);
    let graph = checked(graph, dead);
    assert_eq!(names(&graph), ["numeric", "linear", "linear"]);
    assert_eq!(graph.params.iter().map(|param| param.id).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(graph.outputs, [2, 1]);
}

#[test]
fn identities_are_read_through() {
    let mut hand = Hand::default();
    let x = hand.numeric(3);
    let padded = hand.node(Pad.into(), &[x], &[], &[3]);
    let joined = hand.node(Concat.into(), &[padded], &[], &[3]);
    let once = hand.node(Relu.into(), &[joined], &[], &[3]);
    let twice = hand.node(Relu.into(), &[once], &[], &[3]);
    let dropped = hand.node(Dropout { rate: 0.5 }.into(), &[twice], &[], &[3]);
    let wider = hand.node(Pad.into(), &[dropped], &[], &[4]);
    // A projection to the width that is there is none.
    let projected = hand.linear(wider, 0, 4);
    let out = hand.linear(projected, 1, 1);
    let graph = checked(hand.output(out), identity);
    assert_eq!(names(&graph), ["numeric", "relu", "pad", "linear", "linear"]);
    assert_eq!(graph.nodes[1].inputs.as_slice(), [0]);
}

#[test]
fn chains_that_only_move_values_are_folded() {
    let mut hand = Hand::default();
    let x = hand.numeric(4);
    let wide = hand.node(Pad.into(), &[x], &[], &[5]);
    let wider = hand.node(Pad.into(), &[wide], &[], &[6]);
    let fields = hand.node(Rows.into(), &[wider], &[], &[2, 3]);
    let flat = hand.node(Flatten.into(), &[fields], &[], &[6]);
    let same = hand.node(Rows.into(), &[flat], &[], &[2, 3]);
    let relu = hand.node(Relu.into(), &[same], &[], &[2, 3]);
    let back = hand.node(Flatten.into(), &[relu], &[], &[6]);
    let again = hand.node(Rows.into(), &[back], &[], &[2, 3]);
    let other = hand.node(Rows.into(), &[back], &[], &[3, 2]);
    let (again, other) =
        (hand.node(Flatten.into(), &[again], &[], &[6]), hand.node(Flatten.into(), &[other], &[], &[6]));
    let inner = hand.node(Concat.into(), &[again, x], &[], &[10]);
    let outer = hand.node(Concat.into(), &[inner, other], &[], &[16]);
    let out = hand.linear(outer, 0, 1);
    let graph = checked(hand.output(out), fold);
    assert_eq!(names(&graph), ["numeric", "pad", "rows", "relu", "flatten", "flatten", "concat", "linear"]);
    assert_eq!(graph.nodes[1].inputs.as_slice(), [0]);
    assert_eq!(graph.nodes[6].inputs.as_slice(), [5, 0, 4]);
    // What is equal now is one by the next pass.
    assert_eq!(checked(graph, cse).nodes.len(), 7);
}

#[test]
fn equal_nodes_become_one_and_different_ones_do_not() {
    let mut hand = Hand::default();
    let x = hand.numeric(3);
    let again = hand.numeric(3);
    let a = hand.linear(x, 0, 3);
    let b = hand.linear(again, 1, 3);
    let sums = [[a, b], [b, a], [a, b]].map(|inputs| hand.node(Add.into(), &inputs, &[], &[3]));
    let norms = [(0, 1e-5), (1, 1e-5), (0, 1e-3)].map(|(sum, eps)| {
        let params = if hand.0.params.len() == 2 { vec![hand.param(2, &[3]), hand.param(3, &[3])] } else { vec![2, 3] };
        hand.node(LayerNorm { axis: Axis::Last, eps }.into(), &[sums[sum]], &params, &[3])
    });
    let relu = hand.node(Relu.into(), &[sums[2]], &[], &[3]);
    let relu_again = hand.node(Relu.into(), &[sums[0]], &[], &[3]);
    let joined = hand.node(Concat.into(), &[norms[0], norms[1], norms[2], relu, relu_again], &[], &[15]);
    let out = hand.linear(joined, 4, 1);
    let graph = checked(hand.output(out), cse);
    // One of the inputs, one of the sums and one of the relus are gone.
    assert_eq!(
        names(&graph),
        [
            "numeric",
            "linear",
            "linear",
            "add",
            "add",
            "layer_norm",
            "layer_norm",
            "layer_norm",
            "relu",
            "concat",
            "linear"
        ]
    );
    assert_eq!(graph.nodes[9].inputs.as_slice(), [5, 6, 7, 8, 8]);
}

#[test]
fn what_is_trained_is_left_as_it_is() {
    let mut hand = Hand::default();
    let x = hand.numeric(3);
    let one = hand.linear(x, 0, 3);
    let two = hand.node(Linear { axis: Axis::Last, bias: false }.into(), &[x], &[0], &[3]);
    let padded = hand.node(Pad.into(), &[two], &[], &[3]);
    let sum = hand.node(Add.into(), &[one, padded], &[], &[3]);
    let out = hand.linear(sum, 1, 1);
    let mut graph = hand.output(out);
    for pass in [identity as Pass, fold, cse] {
        let mut trained = graph.clone();
        trained.owners = vec![Some(0); 2];
        assert_eq!(checked(trained.clone(), pass), trained);
    }
    identity(&mut graph);
    cse(&mut graph);
    assert_eq!(names(&graph), ["numeric", "linear", "add", "linear"]);
}

#[test]
fn merging_shares_equal_slices_and_keeps_apart_what_is_trained() {
    let plan = |width: usize, trained: bool| {
        let mut hand = Hand::default();
        let x = hand.numeric(3);
        let body = hand.linear(x, 0, 4);
        let more = hand.linear(body, 1, width);
        let out = hand.linear(more, 2, 1);
        let mut graph = hand.output(out);
        graph.owners[2] = trained.then_some(0);
        graph
    };
    // Two widths of layer 1, so two slices of it and of the head.
    let both = merge(&[plan(5, false), plan(6, false), plan(5, false)]);
    verify(&both).expect("sound");
    assert_eq!(both.nodes.len(), 2 + 2 * 2);
    assert_eq!(both.params.len(), 1 + 2 * 2);
    assert_eq!(both.outputs, [3, 5, 3]);
    assert_eq!(both.macs(), 12 + 4 * 5 + 5 + 4 * 6 + 6);
    let heads = merge(&[plan(5, true), plan(5, true)]);
    verify(&heads).expect("sound");
    assert_eq!((heads.nodes.len(), &heads.outputs), (5, &vec![3, 4]));
    assert_eq!(heads.owners, [None, None, Some(0), Some(1)]);
    let mut stolen = heads;
    stolen.nodes[4].params[0] = 2;
    assert!(verify(&stolen).is_err());
}

#[test]
fn a_damaged_graph_is_found() {
    let sound = || {
        let mut hand = Hand::default();
        let x = hand.numeric(3);
        let out = hand.linear(x, 0, 1);
        hand.output(out)
    };
    verify(&sound()).expect("sound");
    let breaks: [(&str, Pass); 8] = [
        ("does not come before", |graph| graph.nodes[0].inputs.push(1)),
        ("does not have the shape", |graph| graph.nodes[0].shape[0] = 4),
        ("logit", |graph| graph.outputs[0] = 0),
        ("logit", |graph| graph.outputs.clear()),
        ("has no name", |graph| graph.nodes[0].path = "".into()),
        ("whose it is", |graph| graph.owners.clear()),
        ("no node uses", |graph| {
            graph.params.push(graph.params[0].clone());
            graph.owners.push(None);
        }),
        ("not there", |graph| graph.nodes[1].params[0] = 7),
    ];
    for (said, damage) in breaks {
        let mut graph = sound();
        damage(&mut graph);
        let found = verify(&graph).expect_err(said).to_string();
        assert!(found.contains(said), "{found}");
    }
}

#[test]
fn random_architectures_stay_sound_through_every_pass() {
    let (mut folded, mut shared) = (0, 0);
    for name in ["nasrec_full", "nasrec_small", "interactions", "autoctr"] {
        let (checked_space, criteo) = space(name, "", "criteo");
        let space = Space::bind(&checked_space, &criteo).expect("it binds");
        let streams = Streams::new(21);
        for index in 0..60 {
            let mut rng = streams.rng("parents", index);
            let parent = if index % 3 == 0 {
                space.sample_path(Sampling { counts: Counts::Binomial(0.5), full_path: 0.5 }, &mut rng)
            } else {
                space.sample(Counts::Uniform, &mut rng)
            };
            let mut plans = vec![space.plan(&parent).expect("a plan")];
            if index % 3 > 0 {
                let child = |_| space.plan(&space.mutate(&parent, 1, Counts::Uniform, &mut rng)).expect("a plan");
                plans.extend((0..4).map(child));
            }
            let graphs: Vec<Merged> = plans.iter().map(|plan| Merged::of(plan, |_| false)).collect();
            for graph in &graphs {
                let mut after = graph.clone();
                for pass in [identity as Pass, fold, cse, dead] {
                    after = checked(after, pass);
                    assert_eq!(checked(after.clone(), pass), after, "a second time there is nothing to do");
                }
                assert!(after.macs() <= graph.macs());
                folded += graph.nodes.len() - after.nodes.len();
            }
            let separate: u64 = plans.iter().map(|plan| plan.macs()).sum();
            let merged = together(graphs).expect("sound");
            assert!(merged.macs() <= separate);
            shared += usize::from(merged.macs() < separate);
            // Beside itself, a graph adds nothing.
            let twice = merge([&merged, &merged]);
            assert_eq!(twice.nodes, merged.nodes);
            assert_eq!(twice.outputs.len(), 2 * plans.len());
        }
    }
    assert!(folded > 100 && shared > 100, "{folded} {shared}");
}
