"""What was made of histories later. Rows are gone through one by one, each with as many places as its history has, so
that nothing stands where nothing is."""

import torch
from torch import nn

from inputs import NUMBERS, Network, linear, network, norm
from sequences import TABLES, Visits

PLACES = 4


def rows_of(visits, batch):
    """Of each row the vectors of its user and of its item, and those of its history, the oldest first."""
    user, item, history, there = visits(batch)
    return zip(user, item, [places[: int(holds.sum())] for places, holds in zip(history, there)])


class GRU(nn.Module):
    """Gated recurrent unit (arXiv 1412.3555): `z = sigmoid(W_z x + U_z h)`, `r = sigmoid(W_r x + U_r h)`, `z * tanh(W x
    + U (r * h)) + (1 - z) * h`, with biases; `attention` scales `z`."""

    def __init__(self, width, state):
        super().__init__()
        self.wz, self.wr, self.w = (nn.Linear(width, state) for _ in range(3))
        self.uz, self.ur, self.u = (nn.Linear(state, state, bias=False) for _ in range(3))

    def forward(self, x, h, attention=1):
        z = attention * torch.sigmoid(self.wz(x) + self.uz(h))
        r = torch.sigmoid(self.wr(x) + self.ur(h))
        return z * torch.tanh(self.w(x) + self.u(r * h)) + (1 - z) * h


def gru(own, ours):
    names = {}
    for gate, name in (("z", "update"), ("r", "reset"), ("", "new")):
        names |= linear(f"{own}.w{gate}", f"{ours}.{name}.linear")
        names |= linear(f"{own}.u{gate}", f"{ours}.{name}.linear_2", bias=False)
    return names


class History(nn.Module):
    """What a model makes of a row's history, between what is known of the row and a network."""

    names = {f"e.{own}": ours for own, ours in TABLES.items()} | network("deep", "deep") | linear("out", "logit.linear")
    said = 4

    def __init__(self):
        super().__init__()
        self.e = Visits(4)
        self.deep, self.out = Network(NUMBERS + 3 * 4 + self.said, [8, 8]), nn.Linear(8, 1)

    def inputs(self, batch):
        rows = zip(batch.numbers, rows_of(self.e, batch))
        return torch.stack([torch.cat([x, user, v, self.seen(v, e)]) for x, (user, v, e) in rows])

    def forward(self, batch):
        return self.out(self.deep(self.inputs(batch))).squeeze(1)


class TIN(History):
    """Temporal interest network (arXiv 2308.08487): to a place's vector is added one of how long ago it is, to the
    target's one of now; `u = sum_i softmax_i(<e_i, v> / sqrt(d)) (e_i * v)`."""

    names = History.names | {"ago": "met.places.weight_fields.weight", "now": "now.weight.weight"}

    def __init__(self):
        super().__init__()
        self.ago, self.now = nn.Parameter(torch.empty(PLACES, 4)), nn.Parameter(torch.empty(4))

    def seen(self, v, e):
        e = e + self.ago[: len(e)].flip(0)
        v = v + self.now
        return torch.softmax(e @ v / 2, dim=0) @ (e * v)


class DMR(History):
    """Deep match to rank (AAAI 2020). User to item: `a_t = softmax(z . tanh(W_p p_t + W_e e_t + b))`, the sum of these
    shares of the history through a layer with a PReLU, and the inner product with a second vector of the item. Item to
    item: scores `z . tanh(W_c v + W_p p_t + W_e e_t + b)`, their sum, and the history in their shares. `p_t` says how
    long ago a place is. The loss of the next item is left out; the item's second vector is a table of its own."""

    names = (
        History.names
        | {"p": "place.places.weight_fields.weight", "prelu": "to_item.prelu.weight.weight"}
        | {"meant.weight": "meant.embed.table.item"}
        | linear("user_p", "of_history.linear")
        | linear("user_e", "of_history.linear_2", bias=False)
        | linear("user_z", "of_history.scored.linear", bias=False)
        | linear("g", "of_user.linear")
        | linear("item_p", "of_place.linear", bias=False)
        | linear("item_e", "of_place.linear_2", bias=False)
        | linear("item_c", "fits.linear")
        | linear("item_z", "fits.scored.linear", bias=False)
    )
    said = 4 + 2

    def __init__(self):
        super().__init__()
        self.p, self.prelu = nn.Parameter(torch.empty(PLACES, 4)), nn.Parameter(torch.empty(4))
        self.meant = nn.Embedding(*self.e.item.weight.shape)
        self.user_p, self.item_c, self.g = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(4, 4)
        self.user_e, self.item_e, self.item_p = (nn.Linear(4, 6, bias=False) for _ in range(3))
        self.user_z, self.item_z = nn.Linear(6, 1, bias=False), nn.Linear(6, 1, bias=False)

    def inputs(self, batch):
        rows = zip(batch.numbers, rows_of(self.e, batch), self.meant(batch.rows["item"]))
        return torch.stack([torch.cat([x, user, v, *self.seen(v, e, meant)]) for x, (user, v, e), meant in rows])

    def seen(self, v, e, meant):
        p = self.p[: len(e)].flip(0)
        of_history = torch.softmax(self.user_z(torch.tanh(self.user_p(p) + self.user_e(e))).squeeze(1), dim=0)
        g = self.g(of_history @ e)
        to_item = torch.where(g > 0, g, self.prelu * g) @ meant
        fits = self.item_z(torch.tanh(self.item_c(v) + self.item_p(p) + self.item_e(e))).squeeze(1)
        return torch.softmax(fits, dim=0) @ e, to_item.view(1), fits.sum().view(1)


class Head(nn.Module):
    """What a head of attention adds to the places of a history."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(4, 4, bias=False) for _ in range(4))

    def forward(self, s):
        return self.out(torch.softmax(self.q(s) @ self.k(s).T / 2, dim=1) @ self.v(s))


class DMIN(History):
    """Deep multi-interest network (CIKM 2020): a transformer's layer over the history refines it; each head of a second
    one, with a residual, a norm and a network of two layers beside a residual, is an interest of its own, whose places
    are added up in the shares of the softmax of a network that sees the target, the place, their product and how long
    ago it was. The loss of the next item is left out."""

    names = (
        History.names
        | norm("ln1", "refined.transformer_layer.a.layer_norm")
        | norm("ln2", "refined.transformer_layer.layer_norm")
        | linear("ffn1", "refined.transformer_layer.linear")
        | linear("ffn2", "refined.transformer_layer.linear_2")
    )
    for turn in range(2):
        ours = f"x.turn_{turn + 1}.one_interest"
        at = {f"heads.{turn}": f"refined.transformer_layer.head.turn_{turn + 1}.one_head"}
        at |= {f"interests.{turn}.head": f"{ours}.a.one_head"}
        for own, head in at.items():
            names |= linear(f"{own}.q", f"{head}.query.linear", bias=False)
            names |= linear(f"{own}.k", f"{head}.key.linear", bias=False)
            names |= linear(f"{own}.v", f"{head}.linear", bias=False)
            names |= linear(f"{own}.out", f"{head}.linear_2", bias=False)
        own = f"interests.{turn}"
        names |= norm(f"{own}.ln", f"{ours}.a.layer_norm")
        names |= linear(f"{own}.ffn1", f"{ours}.said.linear") | linear(f"{own}.ffn2", f"{ours}.said.linear_2")
        names |= linear(f"{own}.of_place", f"{ours}.met.linear", bias=False)
        names |= linear(f"{own}.of_product", f"{ours}.met.linear_2", bias=False)
        names |= linear(f"{own}.of_target", f"{ours}.seen.linear")
        names |= linear(f"{own}.of_time", f"{ours}.seen.linear_2", bias=False)
        names |= {f"{own}.ago": f"{ours}.seen.places.weight_fields.weight"}
        names |= linear(f"{own}.score", f"{ours}.linear", bias=False)
    said = 2 * 4

    class Interest(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.ln = Head(), nn.LayerNorm(4)
            self.ffn1, self.ffn2 = nn.Linear(4, 16), nn.Linear(16, 4)
            # One layer over all that it sees, in the parts that each is multiplied with.
            self.of_target, self.ago = nn.Linear(4, 6), nn.Parameter(torch.empty(PLACES, 4))
            self.of_place, self.of_product, self.of_time = (nn.Linear(4, 6, bias=False) for _ in range(3))
            self.score = nn.Linear(6, 1, bias=False)

        def forward(self, v, z):
            a = self.ln(z + self.head(z))
            places = a + self.ffn2(torch.relu(self.ffn1(a)))
            scores = []
            for ago, place in zip(self.ago, places.flip(0)):
                seen = self.of_target(v) + self.of_place(place) + self.of_product(v * place) + self.of_time(ago)
                scores.append(self.score(torch.relu(seen)))
            return torch.softmax(torch.cat(scores), dim=0) @ places.flip(0)

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList(Head() for _ in range(2))
        self.ln1, self.ln2 = nn.LayerNorm(4), nn.LayerNorm(4)
        self.ffn1, self.ffn2 = nn.Linear(4, 16), nn.Linear(16, 4)
        self.interests = nn.ModuleList(self.Interest() for _ in range(2))

    def seen(self, v, e):
        a = self.ln1(e + sum(head(e) for head in self.heads))
        z = self.ln2(a + self.ffn2(torch.relu(self.ffn1(a))))
        return torch.cat([interest(v, z) for interest in self.interests])


class DIEN(History):
    """Deep interest evolution network (arXiv 1809.03672): a gated recurrent unit over the history; attention
    `softmax(h_t W v)`; a second unit over the first's states whose update gate is scaled by attention (AUGRU). Its last
    state is read. It looks at the newest three places. The loss of the next item is left out, and the reset gate stands
    before the matrix."""

    names = (
        History.names
        | gru("extractor", "sees.gru")
        | gru("evolution", "follows.attended_gru.gru")
        | linear("w", "scores.linear", bias=False)
    )

    def __init__(self):
        super().__init__()
        self.extractor, self.evolution, self.w = GRU(4, 4), GRU(4, 4), nn.Linear(4, 4, bias=False)

    def seen(self, v, e):
        states = [torch.zeros_like(v)]
        for x in e[-3:]:
            states.append(self.extractor(x, states[-1]))
        interests = torch.stack(states[1:])
        h = torch.zeros_like(v)
        for interest, share in zip(interests, torch.softmax(interests @ self.w(v), dim=0)):
            h = self.evolution(interest, h, share)
        return h


class HSTU(History):
    """HSTU (arXiv 2402.17152, section 3): `U, V, Q, K = SiLU(f_1(X))`, `A V = SiLU(Q K^T + rab) V / N`, `Y = f_2(Norm(A
    V) * U)`, a residual; each place attends to itself and to older ones, and `N` is the number of places that there can
    be. The item stands in front, what was seen behind it, the newest first; no times."""

    names = dict(History.names)
    for layer in range(2):
        ours, of = f"top.turn_{layer + 1}.hstu_layer", f"layers.{layer}"
        for own, name in (("q", "scores.linear"), ("k", "scores.linear_2"), ("v", "mean.linear"), ("u", "linear")):
            names |= linear(f"{of}.{own}", f"{ours}.{name}")
        names |= linear(f"{of}.f2", f"{ours}.linear_2") | norm(f"{of}.ln", f"{ours}.layer_norm")
        names |= {f"{of}.rab": f"{ours}.a.weight.weight"}

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.u, self.v, self.q, self.k, self.f2 = (nn.Linear(4, 4) for _ in range(5))
            self.rab, self.ln = nn.Parameter(torch.empty(PLACES + 1)), nn.LayerNorm(4)

        def forward(self, x):
            u, v, q, k = (torch.nn.functional.silu(of(x)) for of in (self.u, self.v, self.q, self.k))
            attended = [
                sum(torch.nn.functional.silu(q[i] @ k[j] + self.rab[j - i]) * v[j] for j in range(i, len(x)))
                for i in range(len(x))
            ]
            return x + self.f2(self.ln(torch.stack(attended) / (PLACES + 1)) * u)

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(self.Layer() for _ in range(2))

    def seen(self, v, e):
        x = torch.cat([v.unsqueeze(0), e.flip(0)])
        for layer in self.layers:
            x = layer(x)
        return x[0]


class TransAct(History):
    """TransAct (arXiv 2306.00248): the item beside each place of the history, a transformer over these, of what it says
    the newest two places and, through a matrix, the largest number of each position; cross layers `x_0 * (W x + b) + x`
    and a network over all of it, side by side. No kinds of actions and no window of time. A history of one place has
    zeros for the second."""

    names = (
        History.names
        | linear("pool", "seen.linear")
        | norm("ln1", "said.turn_1.transformer_layer.a.layer_norm")
        | norm("ln2", "said.turn_1.transformer_layer.layer_norm")
        | linear("ffn1", "said.turn_1.transformer_layer.linear")
        | linear("ffn2", "said.turn_1.transformer_layer.linear_2")
    )
    for head in range(2):
        at = f"said.turn_1.transformer_layer.head.turn_{head + 1}.one_head"
        for own, ours in (("wq", "query.linear"), ("wk", "key.linear"), ("wv", "linear"), ("wh", "linear_2")):
            names |= linear(f"{own}.{head}", f"{at}.{ours}", bias=False)
    for layer in range(2):
        names |= linear(f"crosses.{layer}", f"crossed.turn_{layer + 1}.cross_layer.linear")
    said = 3 * 8

    def __init__(self):
        super().__init__()
        self.wq, self.wk, self.wv = (nn.ModuleList(nn.Linear(8, 4, bias=False) for _ in range(2)) for _ in range(3))
        self.wh = nn.ModuleList(nn.Linear(4, 8, bias=False) for _ in range(2))
        self.ln1, self.ln2, self.pool = nn.LayerNorm(8), nn.LayerNorm(8), nn.Linear(8, 8)
        self.ffn1, self.ffn2 = nn.Linear(8, 32), nn.Linear(32, 8)
        n = NUMBERS + 3 * 4 + self.said
        self.crosses, self.out = nn.ModuleList(nn.Linear(n, n) for _ in range(2)), nn.Linear(n + 8, 1)

    def seen(self, v, e):
        s = torch.cat([e, v.expand(len(e), -1)], dim=1)
        heads = [torch.softmax(wq(s) @ wk(s).T / 2, dim=1) @ wv(s) for wq, wk, wv in zip(self.wq, self.wk, self.wv)]
        a = self.ln1(s + sum(wh(head) for wh, head in zip(self.wh, heads)))
        said = self.ln2(a + self.ffn2(torch.relu(self.ffn1(a))))
        newest = torch.cat([said.flip(0), torch.zeros(2, 8, dtype=s.dtype)])[:2]
        return torch.cat([newest.flatten(), self.pool(said.max(0).values)])

    def forward(self, batch):
        x0 = x = self.inputs(batch)
        for cross in self.crosses:
            x = x0 * cross(x) + x
        return self.out(torch.cat([x, self.deep(x0)], dim=1)).squeeze(1)
