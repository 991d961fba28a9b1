"""The model @NAME@ as a module of PyTorch, written by nasrecc @VERSION@. Its plan is
@PLAN@.

Tensors begin with the batch; shapes are in comments. What goes in comes from `encoder.py`.
"""

import pathlib

import torch
from safetensors.torch import load_file
from torch import nn

# What is done to logits before they are probabilities, where the model is calibrated.
SCALE, OFFSET = @SCALE@, @OFFSET@
# Numbers of a row, and rows of tables that are looked up for it, at most.
NUMBERS, ROWS = @WIDTH@, @LOOKED_UP@
@POOLED@


class Net(nn.Module):
    def __init__(self):
        super().__init__()
@LAYERS@

    @classmethod
    def load(cls, path=pathlib.Path(__file__).parent / "weights.safetensors"):
        """The net with the weights of a file, ready to predict."""
        net = cls()
        wrong = net.load_state_dict(load_file(path), strict=False)
        # A norm counts batches, which no prediction needs.
        missing = [name for name in wrong.missing_keys if not name.endswith(".num_batches_tracked")]
        if missing or wrong.unexpected_keys:
            raise ValueError(f"{path}: missing {missing}, unexpected {wrong.unexpected_keys}")
        return net.eval()

    def forward(self, numbers, rows):
        """Logits, [batch].

        numbers: [batch, NUMBERS] of @DENSE@
        rows: [batch, ROWS], whole numbers, -1 behind the last value of a bag: @SLOTS@
        """
@LINES@

    @torch.no_grad()
    def probability(self, numbers, rows):
        """Click probabilities, [batch], calibrated where the model is."""
        logits = (SCALE * self(numbers, rows).double() + OFFSET).float()
        return torch.sigmoid(logits.double()).float()
