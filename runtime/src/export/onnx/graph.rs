//! A graph while it is written: nodes in their order, the constants that they take, each once, and names that no two values share.

use std::collections::{HashMap, HashSet};

use super::proto::{
    Attribute, AttributeKind, Dim, Entry, Graph, Kind, Length, Node, Shape, Tensor, TensorType, Type, Value,
};

/// Operators of machine learning beside tensors: `LabelEncoder`.
pub(super) const LEARNING: &str = "ai.onnx.ml";
/// What the first axis of inputs and output is called.
const BATCH: &str = "batch";

/// See the [module](self).
#[derive(Clone, Default)]
pub(super) struct Writing {
    graph: Graph,
    names: HashSet<String>,
    constants: HashMap<(i32, Vec<i64>, Vec<u8>), String>,
}

/// A constant of an operator.
pub(super) fn int(name: &str, int: i64) -> Attribute {
    Attribute { name: name.to_owned(), int: Some(int), kind: AttributeKind::Int as i32, ..Attribute::default() }
}

/// The same.
pub(super) fn float(name: &str, float: f32) -> Attribute {
    Attribute { name: name.to_owned(), float: Some(float), kind: AttributeKind::Float as i32, ..Attribute::default() }
}

/// The same.
pub(super) fn ints(name: &str, ints: Vec<i64>) -> Attribute {
    Attribute { name: name.to_owned(), ints, kind: AttributeKind::Ints as i32, ..Attribute::default() }
}

/// The same.
pub(super) fn strings(name: &str, strings: Vec<Vec<u8>>) -> Attribute {
    Attribute { name: name.to_owned(), strings, kind: AttributeKind::Strings as i32, ..Attribute::default() }
}

impl Writing {
    /// A name that no value has so far, as near as can be to one.
    pub fn name(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        for number in 2.. {
            if self.names.insert(name.clone()) {
                break;
            }
            name = format!("{wanted}_{number}");
        }
        name
    }

    /// A node of one output, which gets a name like `called`.
    pub fn call(&mut self, called: &str, operator: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        let output = self.name(called);
        self.graph.nodes.push(Node {
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![output.clone()],
            name: output.clone(),
            operator: operator.to_owned(),
            attributes,
            domain: if operator == "LabelEncoder" { LEARNING.to_owned() } else { String::new() },
        });
        output
    }

    /// A node without attributes, whose value no person looks for.
    pub fn op(&mut self, operator: &str, inputs: &[&str]) -> String {
        self.call(&operator.to_lowercase(), operator, inputs, Vec::new())
    }

    pub fn cast(&mut self, value: &str, to: Kind) -> String {
        self.call("cast", "Cast", &[value], vec![int("to", to as i64)])
    }

    /// `condition ? a : b`
    pub fn either(&mut self, condition: &str, a: &str, b: &str) -> String {
        self.op("Where", &[condition, a, b])
    }

    /// The same values in another shape; of the first axis, which is the batch, `-1`.
    pub fn reshape(&mut self, value: &str, to: &[i64]) -> String {
        let to = self.ints(to);
        self.op("Reshape", &[value, &to])
    }

    pub fn transpose(&mut self, value: &str, axes: &[i64]) -> String {
        self.call("transpose", "Transpose", &[value], vec![ints("perm", axes.to_vec())])
    }

    pub fn unsqueeze(&mut self, value: &str, axis: i64) -> String {
        let axes = self.ints(&[axis]);
        self.op("Unsqueeze", &[value, &axes])
    }

    pub fn concat(&mut self, called: &str, values: &[&str], axis: i64) -> String {
        self.call(called, "Concat", values, vec![int("axis", axis)])
    }

    /// Values at places along an axis.
    pub fn gather(&mut self, called: &str, value: &str, at: &str, axis: i64) -> String {
        self.call(called, "Gather", &[value, at], vec![int("axis", axis)])
    }

    fn constant(&mut self, kind: Kind, dims: Vec<i64>, raw: Vec<u8>) -> String {
        let key = (kind as i32, dims.clone(), raw.clone());
        if let Some(name) = self.constants.get(&key) {
            return name.clone();
        }
        let name = self.name("constant");
        self.constants.insert(key, name.clone());
        let raw = Some(raw);
        self.graph.initialisers.push(Tensor { dims, kind: kind as i32, name: name.clone(), raw, ..Tensor::default() });
        name
    }

    /// Whole numbers as a tensor of one axis.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Kind::Int64, vec![values.len() as i64], raw)
    }

    /// A whole number.
    pub fn int(&mut self, value: i64) -> String {
        self.constant(Kind::Int64, Vec::new(), value.to_le_bytes().to_vec())
    }

    /// Numbers of 64 bits as a tensor of one axis.
    pub fn doubles(&mut self, values: &[f64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Kind::Double, vec![values.len() as i64], raw)
    }

    /// A number of 64 bits.
    pub fn double(&mut self, value: f64) -> String {
        self.constant(Kind::Double, Vec::new(), value.to_le_bytes().to_vec())
    }

    /// A number of 32 bits.
    pub fn float(&mut self, value: f32) -> String {
        self.constant(Kind::Float, Vec::new(), value.to_le_bytes().to_vec())
    }

    /// A tensor that is there whether a node takes it or not, such as a parameter.
    pub fn tensor(&mut self, tensor: Tensor) {
        self.graph.initialisers.push(tensor);
    }

    /// An input of the graph, `[batch, width]`; `width`: a number, or the name of one that is not known.
    pub fn input(&mut self, name: &str, kind: Kind, width: Length, doc: String) {
        self.graph.inputs.push(value(name, kind, width, doc));
    }

    /// The graph, whose output is a value `[batch, 1]` under a name that was kept for it.
    pub fn finish(mut self, name: &str, (output, value_of): (&str, &str), doc: &str) -> Graph {
        self.graph.nodes.push(Node {
            inputs: vec![value_of.to_owned()],
            outputs: vec![output.to_owned()],
            name: output.to_owned(),
            operator: "Identity".to_owned(),
            ..Node::default()
        });
        self.graph.outputs.push(value(output, Kind::Float, Length::Known(1), doc.to_owned()));
        // A constant may have been asked for that nothing takes in the end.
        let taken: HashSet<&String> = self.graph.nodes.iter().flat_map(|node| &node.inputs).collect();
        self.graph.initialisers.retain(|tensor| taken.contains(&tensor.name));
        name.clone_into(&mut self.graph.name);
        self.graph
    }
}

fn value(name: &str, kind: Kind, width: Length, doc: String) -> Value {
    let dims = [Length::Named(BATCH.to_owned()), width].map(|length| Dim { length: Some(length) });
    let tensor = TensorType { kind: kind as i32, shape: Some(Shape { dims: dims.to_vec() }) };
    Value { name: name.to_owned(), of: Some(Type { tensor: Some(tensor) }), doc }
}

/// Two texts.
pub(super) fn entry(key: &str, value: impl Into<String>) -> Entry {
    Entry { key: key.to_owned(), value: value.into() }
}
