//! The files that ship with the compiler: the standard library and the spaces, as source.

macro_rules! library {
    ($($path:literal),* $(,)?) => {
        /// Each file's path as an import writes it, and its text.
        pub const FILES: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../spaces/", $path)))),*];
    };
}

library![
    "std/ctr.nasrec",
    "std/cross.nasrec",
    "std/fields.nasrec",
    "std/sequences.nasrec",
    "std/tasks.nasrec",
    "autoctr.nasrec",
    "interactions.nasrec",
    "nasrec_full.nasrec",
    "nasrec_small.nasrec",
    "tabular.nasrec",
    "models/afm.nasrec",
    "models/afn.nasrec",
    "models/autoint.nasrec",
    "models/bst.nasrec",
    "models/dcn.nasrec",
    "models/dcn_mix.nasrec",
    "models/dcnv2.nasrec",
    "models/deep_crossing.nasrec",
    "models/deepfm.nasrec",
    "models/destine.nasrec",
    "models/din.nasrec",
    "models/dlrm.nasrec",
    "models/dnn.nasrec",
    "models/dssm.nasrec",
    "models/esmm.nasrec",
    "models/fcn.nasrec",
    "models/ffm.nasrec",
    "models/fibinet.nasrec",
    "models/finalmlp.nasrec",
    "models/finalnet.nasrec",
    "models/fm.nasrec",
    "models/fmfm.nasrec",
    "models/fnn.nasrec",
    "models/fwfm.nasrec",
    "models/gdcn.nasrec",
    "models/hofm.nasrec",
    "models/ifm.nasrec",
    "models/linear.nasrec",
    "models/masknet.nasrec",
    "models/mmoe.nasrec",
    "models/nfm.nasrec",
    "models/onn.nasrec",
    "models/ple.nasrec",
    "models/pnn.nasrec",
    "models/ppnet.nasrec",
    "models/shared_bottom.nasrec",
    "models/wide_deep.nasrec",
    "models/wukong.nasrec",
    "models/xdeepfm.nasrec",
    "schemas.nasrec",
    "nets/avazu_full.nasrec",
    "nets/avazu_small.nasrec",
    "nets/criteo_full.nasrec",
    "nets/criteo_small.nasrec",
    "nets/kdd_full.nasrec",
    "nets/kdd_small.nasrec",
];

/// The text of a library file.
pub fn find(path: &str) -> Option<&'static str> {
    FILES.iter().find(|(name, _)| *name == path).map(|&(_, text)| text)
}
