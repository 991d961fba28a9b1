"""Which module is which model of `table.nasrec`, where it is the training `of_NAME`."""

from attention import DESTINE, AutoInt, MaskNet, Wukong
from crosses import DCN, FCN, GDCN, DCNMix, DCNv2, DCNv2Stacked, GDCNStacked
from factorisation import AFM, FFM, FM, HOFM, IFM, NFM, DeepFM, FmFM, FwFM, Linear
from labels import ESMM, PLE, FCNTri, MMoE, SharedBottom
from networks import DNN, DSSM, FNN, DeepCrossing, FinalMLP, FinalMLPUserItem, FinalNet, PPNet, WideDeep
from products import AFN, DLRM, ONN, PNN, FiBiNET, PNNOuter, XDeepFM
from sequences import BST, DIN

MODELS = {
    "afm": AFM,
    "afn": AFN,
    "autoint": AutoInt,
    "bst": BST,
    "dcn": DCN,
    "dcn_mix": DCNMix,
    "dcnv2": DCNv2,
    "dcnv2_stacked": DCNv2Stacked,
    "deep_crossing": DeepCrossing,
    "deepfm": DeepFM,
    "destine": DESTINE,
    "din": DIN,
    "dlrm": DLRM,
    "dnn": DNN,
    "dssm": DSSM,
    "esmm": ESMM,
    "fcn": FCN,
    "fcn_tri": FCNTri,
    "ffm": FFM,
    "fibinet": FiBiNET,
    "finalmlp": FinalMLP,
    "finalmlp_user_item": FinalMLPUserItem,
    "finalnet": FinalNet,
    "fm": FM,
    "fmfm": FmFM,
    "fnn": FNN,
    "fwfm": FwFM,
    "gdcn": GDCN,
    "gdcn_stacked": GDCNStacked,
    "hofm": HOFM,
    "ifm": IFM,
    "linear": Linear,
    "masknet": MaskNet,
    "mmoe": MMoE,
    "nfm": NFM,
    "onn": ONN,
    "ple": PLE,
    "pnn": PNN,
    "pnn_outer": PNNOuter,
    "ppnet": PPNet,
    "shared_bottom": SharedBottom,
    "wide_deep": WideDeep,
    "wukong": Wukong,
    "xdeepfm": XDeepFM,
}
