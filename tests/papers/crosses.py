"""Cross networks, beside a network or before it."""

import torch
from torch import nn

from inputs import ALL, Features, Network, Stacked, features, linear, network, norm, stacked


class DCN(nn.Module):
    """Deep & Cross Network (arXiv 1708.05123): equation 2 is the input, 3 the cross layer `x_0 x_l^T w_l + b_l + x_l`,
    4 the deep layer, 5 their combination."""

    names = stacked("x0", "x0.embed") | network("deep", "deep") | linear("out", "logit.linear")
    for layer, ours in enumerate(["cross_vector", "cross_vector_2", "cross_vector_3"]):
        names |= {f"w.{layer}": f"crossed.{ours}.linear.weight", f"b.{layer}": f"crossed.{ours}.shift.bias"}

    def __init__(self):
        super().__init__()
        self.x0 = Stacked(4)
        n = self.x0.width
        self.w = nn.ParameterList(torch.empty(n) for _ in range(3))
        self.b = nn.ParameterList(torch.empty(n) for _ in range(3))
        self.deep, self.out = Network(n, [8, 8]), nn.Linear(n + 8, 1)

    def forward(self, batch):
        x0 = x = self.x0(batch)
        for w, b in zip(self.w, self.b):
            outer = x0.unsqueeze(2) * x.unsqueeze(1)
            x = outer @ w + b + x
        return self.out(torch.cat([x, self.deep(x0)], dim=1)).squeeze(1)


class DCNv2(nn.Module):
    """DCN V2 (arXiv 2008.13535), equation 1: `x_0 * (W_l x_l + b_l) + x_l`, three times, beside a network (the parallel
    structure)."""

    stacked_structure = False
    names = stacked("x0", "x0.embed") | network("deep", "deep") | linear("out", "logit.linear")
    for layer, ours in enumerate(["cross_layer", "cross_layer_2", "cross_layer_3"]):
        names |= linear(f"crosses.{layer}", f"crossed.{ours}.linear")

    def __init__(self):
        super().__init__()
        self.x0 = Stacked(4)
        n = self.x0.width
        self.crosses = nn.ModuleList(nn.Linear(n, n) for _ in range(3))
        self.deep, self.out = Network(n, [8, 8]), nn.Linear(8 if self.stacked_structure else n + 8, 1)

    def forward(self, batch):
        x0 = x = self.x0(batch)
        for cross in self.crosses:
            x = x0 * cross(x) + x
        last = self.deep(x) if self.stacked_structure else torch.cat([x, self.deep(x0)], dim=1)
        return self.out(last).squeeze(1)


class DCNv2Stacked(DCNv2):
    """The same with the network over what the cross layers say (the stacked structure)."""

    stacked_structure = True


class DCNMix(nn.Module):
    """DCN-Mix (arXiv 2008.13535), equations 3 and 4: `sum_i G_i(x_l) E_i(x_l) + x_l` with
    `E_i(x) = x_0 * (U_i tanh(C_i tanh(V_i^T x)) + b)` and the gate a softmax, of a layer with a bias."""

    names = stacked("x0", "x0.embed") | network("deep", "deep") | linear("out", "logit.linear")
    for layer in range(2):
        ours = f"crossed.turn_{layer + 1}.cross_mixed"
        names |= linear(f"gates.{layer}", f"{ours}.linear")
        names |= {
            f"v.{layer}": f"{ours}.inside.linear.weight",
            f"c.{layer}": f"{ours}.outside.linear_each.weight",
            f"u.{layer}": f"{ours}.outside.linear_each_2.weight",
            f"b.{layer}": f"{ours}.shift.bias",
        }

    def __init__(self):
        super().__init__()
        self.x0 = Stacked(4)
        n, experts, rank = self.x0.width, 2, 3
        self.gates = nn.ModuleList(nn.Linear(n, experts) for _ in range(2))
        # Of each expert `V^T`, `C` and `U`.
        self.v = nn.ParameterList(torch.empty(experts, rank, n) for _ in range(2))
        self.c = nn.ParameterList(torch.empty(experts, rank, rank) for _ in range(2))
        self.u = nn.ParameterList(torch.empty(experts, n, rank) for _ in range(2))
        self.b = nn.ParameterList(torch.empty(n) for _ in range(2))
        self.deep, self.out = Network(n, [8, 8]), nn.Linear(n + 8, 1)

    def forward(self, batch):
        x0 = x = self.x0(batch)
        for gate, vs, cs, us, b in zip(self.gates, self.v, self.c, self.u, self.b):
            share = torch.softmax(gate(x), dim=1)
            experts = [x0 * (torch.tanh(torch.tanh(x @ v.T) @ c.T) @ u.T + b) for v, c, u in zip(vs, cs, us)]
            x = sum(share[:, i : i + 1] * expert for i, expert in enumerate(experts)) + x
        return self.out(torch.cat([x, self.deep(x0)], dim=1)).squeeze(1)


class GDCN(nn.Module):
    """Gated Deep & Cross Network (arXiv 2311.04635), equation 2: `c_0 * (W_c c_l + b_l) * sigmoid(W_g c_l) + c_l`;
    parallel, GDCN-P."""

    stacked_structure = False
    names = stacked("c0", "x0.embed") | network("deep", "deep") | linear("out", "logit.linear")
    for layer in range(2):
        names |= linear(f"crosses.{layer}", f"crossed.turn_{layer + 1}.cross_gated.linear")
        names |= linear(f"gates.{layer}", f"crossed.turn_{layer + 1}.cross_gated.linear_2", bias=False)

    def __init__(self):
        super().__init__()
        self.c0 = Stacked(4)
        n = self.c0.width
        self.crosses = nn.ModuleList(nn.Linear(n, n) for _ in range(2))
        self.gates = nn.ModuleList(nn.Linear(n, n, bias=False) for _ in range(2))
        self.deep, self.out = Network(n, [8, 8]), nn.Linear(8 if self.stacked_structure else n + 8, 1)

    def forward(self, batch):
        c0 = c = self.c0(batch)
        for cross, gate in zip(self.crosses, self.gates):
            c = c0 * cross(c) * torch.sigmoid(gate(c)) + c
        last = self.deep(c) if self.stacked_structure else torch.cat([c, self.deep(c0)], dim=1)
        return self.out(last).squeeze(1)


class GDCNStacked(GDCN):
    """GDCN-S: the network over what the cross layers say."""

    stacked_structure = True


class FCN(nn.Module):
    """FCN, or DCNv3 (arXiv 2407.13349): `c_l = W_l x_l` is half as wide as `x`, `Mask(c) = c * max(0, LN(c))`, and
    layer `l` says `x_l * ([c_l; Mask(c_l)] + b_l) + x_l` in the exponential network, and
    `x_1 * ([c_l; Mask(c_l)] + b_l) + x_l` in the linear one. The logit is the mean of theirs; one loss instead of
    three."""

    names = features("x1", "x") | linear("of_exponential", "logit.linear") | linear("of_linear", "logit.linear_2")
    for own, ours in (("exponential", "exponential"), ("shallow", "shallow")):
        for layer in range(2):
            at = f"{ours}.turn_{layer + 1}.cross_masked"
            names |= linear(f"{own}.{layer}.w", f"{at}.c.linear", bias=False)
            names |= norm(f"{own}.{layer}.ln", f"{at}.layer_norm")
            names |= {f"{own}.{layer}.b": f"{at}.shift.bias"}

    class Layer(nn.Module):
        """`[c; Mask(c)] + b`."""

        def __init__(self, n):
            super().__init__()
            self.w, self.ln = nn.Linear(n, n // 2, bias=False), nn.LayerNorm(n // 2)
            self.b = nn.Parameter(torch.empty(n))

        def forward(self, x):
            c = self.w(x)
            return torch.cat([c, c * self.ln(c).clamp(min=0)], dim=1) + self.b

    def __init__(self):
        super().__init__()
        self.x1 = Features(4)
        n = ALL * 4
        self.exponential = nn.ModuleList(self.Layer(n) for _ in range(2))
        self.shallow = nn.ModuleList(self.Layer(n) for _ in range(2))
        self.of_exponential, self.of_linear = nn.Linear(n, 1), nn.Linear(n, 1)

    def of_each(self, batch):
        """The logits of the exponential and of the linear network."""
        x1 = e = s = self.x1(batch).flatten(1)
        for layer in self.exponential:
            e = e * layer(e) + e
        for layer in self.shallow:
            s = x1 * layer(s) + s
        return self.of_exponential(e).squeeze(1), self.of_linear(s).squeeze(1)

    def forward(self, batch):
        return sum(self.of_each(batch)) / 2
