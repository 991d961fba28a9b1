//! From a list of primitives to the type that is one of them.

/// Declares the module of each primitive and makes [`Primitive`](super::Primitive) of them: an enum with a variant for
/// each, whose methods are those of `Op`. A plan's file names a primitive as its module is called, alone or with
/// its attributes: `"relu"`, `{"pad": …}`.
macro_rules! primitives {
    ($($module:ident::$Name:ident),* $(,)?) => {
        $(
            mod $module;
            pub use $module::$Name;
        )*

        /// One of the primitives, with its attributes. `B` is the batch; shapes are those of one sample.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Primitive {
            $(#[doc = concat!("See [`", stringify!($Name), "`].")] $Name($Name)),*
        }

        /// What each primitive is called with, in the order of the registry.
        const SIGNATURES: &[&[Signature]] = &[$(<$Name as Op>::SIGNATURES),*];

        impl Primitive {
            /// Its name in the language, or the operation that it stands for.
            pub fn name(self) -> &'static str {
                match self { $(Primitive::$Name(op) => op.name()),* }
            }

            /// See [`Op::apply`].
            pub(crate) fn apply<A: Algebra>(
                self,
                algebra: &mut A,
                operands: &[Operand<A::Axis>],
                given: &[A::Axis],
            ) -> Option<Applied<A::Axis>> {
                match self { $(Primitive::$Name(op) => op.apply(algebra, operands, given)),* }
            }

            /// See [`Op::given`].
            pub(crate) fn given(self, rank: usize) -> std::ops::Range<usize> {
                match self { $(Primitive::$Name(op) => op.given(rank)),* }
            }

            /// See [`Op::is_identity`].
            pub(crate) fn is_identity(self) -> bool {
                match self { $(Primitive::$Name(op) => op.is_identity()),* }
            }

            /// Multiply-accumulates a sample, for a first operand and a result of these shapes, counted as the paper does:
            /// products of matrices only; biases, lookups and element-wise work count nothing.
            pub fn macs(self, input: &[usize], output: &[usize]) -> u64 {
                match self { $(Primitive::$Name(op) => op.macs(input, output)),* }
            }

            /// All arithmetic of one sample, for so many operands, the first of such a shape, and a result of such a shape: a
            /// multiplication, an addition, a comparison and an elementary function count one each.
            pub fn ops(self, operands: usize, input: &[usize], output: &[usize]) -> u64 {
                match self { $(Primitive::$Name(op) => op.ops(operands, input, output)),* }
            }
        }

        $(
            impl From<$Name> for Primitive {
                fn from(op: $Name) -> Self {
                    Primitive::$Name(op)
                }
            }
        )*

        impl serde::Serialize for Primitive {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Primitive::$Name(op) => $crate::primitives::registry::write(op, stringify!($module), serializer)),*
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for Primitive {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                const NAMES: &[&str] = &[$(stringify!($module)),*];

                struct Named;

                impl<'de> serde::de::Visitor<'de> for Named {
                    type Value = Primitive;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a primitive")
                    }

                    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, data: A) -> Result<Primitive, A::Error> {
                        let (name, attributes): (String, A::Variant) = data.variant()?;
                        match name.as_str() {
                            $(stringify!($module) => {
                                $crate::primitives::registry::read::<$Name, A::Variant>(attributes).map(Primitive::$Name)
                            })*
                            unknown => Err(serde::de::Error::unknown_variant(unknown, NAMES)),
                        }
                    }
                }

                deserializer.deserialize_enum("Primitive", NAMES, Named)
            }
        }
    };
}

pub(super) use primitives;

use serde::de::{DeserializeOwned, VariantAccess};
use serde::{Serialize, Serializer};

/// A primitive without attributes takes no room, and is written as its name alone.
pub(super) fn write<T: Serialize, S: Serializer>(op: &T, name: &'static str, to: S) -> Result<S::Ok, S::Error> {
    if size_of::<T>() == 0 {
        to.serialize_unit_variant("Primitive", 0, name)
    } else {
        to.serialize_newtype_variant("Primitive", 0, name, op)
    }
}

/// See [`write`].
pub(super) fn read<'de, T: DeserializeOwned, V: VariantAccess<'de>>(attributes: V) -> Result<T, V::Error> {
    if size_of::<T>() == 0 {
        attributes.unit_variant()?;
        return T::deserialize(serde::de::value::UnitDeserializer::new());
    }
    attributes.newtype_variant()
}

#[cfg(test)]
mod tests {
    use crate::primitives::{Axis, Linear, Primitive, Reduce, Reduction, Relu};

    #[test]
    fn plans_name_primitives_as_they_always_did() {
        let all: [(Primitive, &str); 3] = [
            (Relu.into(), r#""relu""#),
            (Linear { axis: Axis::Fields, bias: true }.into(), r#"{"linear":{"axis":"fields","bias":true}}"#),
            (Reduce { by: Reduction::Max }.into(), r#"{"reduce":{"by":"max"}}"#),
        ];
        for (primitive, text) in all {
            assert_eq!(serde_json::to_string(&primitive).unwrap(), text);
            assert_eq!(serde_json::from_str::<Primitive>(text).unwrap(), primitive);
        }
        for wrong in [r#""linear""#, r#"{"relu":{"axis":"last"}}"#, r#""cube""#, "3"] {
            assert!(serde_json::from_str::<Primitive>(wrong).is_err(), "{wrong}");
        }
    }
}
