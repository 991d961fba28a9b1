"""What a user did before: a history whose places are rows of the table of items."""

import torch
from torch import nn

from inputs import NUMBERS, ROWS, Network, linear, network, norm

TABLES = {f"{field}.weight": f"table.embed.table.{field}" for field in ("user", "city", "item")}


class Visits(nn.Module):
    """The vectors of what a row has: of the user, of the item, and of the history's places, zeros where there is
    nothing."""

    def __init__(self, dim):
        super().__init__()
        self.user, self.city, self.item = (nn.Embedding(ROWS[field], dim) for field in ("user", "city", "item"))

    def forward(self, batch):
        user = torch.cat([self.user(batch.rows["user"]), self.city(batch.rows["city"])], dim=1)
        there = batch.history >= 0
        history = self.item(batch.history.clamp(min=0)) * there.unsqueeze(2)
        return user, self.item(batch.rows["item"]), history, there


class DIN(nn.Module):
    """Deep interest network (arXiv 1706.06978), equation 3: the history is `sum_j a(e_j, v_A) e_j`, with the weights of
    an activation unit that are not made shares. Ours has one layer with a relu in that unit, which sees the place, the
    item and their product."""

    names = (
        {f"e.{own}": ours for own, ours in TABLES.items()}
        | linear("of_item", "seen.interest.of_both.linear")
        | linear("of_place", "seen.interest.of_both.linear_2", bias=False)
        | linear("of_product", "seen.interest.of_both.linear_3", bias=False)
        | linear("a", "seen.interest.weights.linear")
        | network("deep", "deep")
        | linear("out", "logit.linear")
    )

    def __init__(self):
        super().__init__()
        self.e = Visits(4)
        # One layer over all three, in the parts that each is multiplied with.
        self.of_item = nn.Linear(4, 6)
        self.of_place, self.of_product = nn.Linear(4, 6, bias=False), nn.Linear(4, 6, bias=False)
        self.a = nn.Linear(6, 1)
        self.deep, self.out = Network(NUMBERS + 4 * 4, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        user, item, history, there = self.e(batch)
        interest = []
        for e, holds in zip(history.unbind(1), there.unbind(1)):
            unit = torch.relu(self.of_item(item) + self.of_place(e) + self.of_product(item * e))
            interest.append(torch.where(holds.unsqueeze(1), self.a(unit) * e, 0.0))
        x = torch.cat([batch.numbers, user, item, sum(interest)], dim=1)
        return self.out(self.deep(x)).squeeze(1)


class BST(nn.Module):
    """Behaviour sequence transformer (arXiv 1905.06874): the item stands behind the history, each place with a vector
    of its own; a layer is two residuals with a norm each, around the attention of heads and around a network of two
    layers; then a network over all places and the rest. Ours has a relu where the paper has a leaky one, adds the
    vectors of positions where it puts them beside the others, counts places where it takes times, and has no dropout. No
    place sees those that hold nothing."""

    names = (
        {f"e.{own}": ours for own, ours in TABLES.items()}
        | {"position": "placed.weight_fields.weight"}
        | norm("ln1", "seen.turn_1.transformer_layer.a.layer_norm")
        | norm("ln2", "seen.turn_1.transformer_layer.layer_norm")
        | linear("ffn1", "seen.turn_1.transformer_layer.linear")
        | linear("ffn2", "seen.turn_1.transformer_layer.linear_2")
        | network("deep", "deep")
        | linear("out", "logit.linear")
    )
    for head in range(2):
        at = f"seen.turn_1.transformer_layer.head.turn_{head + 1}.one_head"
        for own, ours in (("wq", "query.linear"), ("wk", "key.linear"), ("wv", "linear"), ("wh", "linear_2")):
            names |= linear(f"{own}.{head}", f"{at}.{ours}", bias=False)

    def __init__(self):
        super().__init__()
        self.e, self.position = Visits(4), nn.Parameter(torch.empty(5, 4))
        projections = [nn.ModuleList(nn.Linear(4, 4, bias=False) for _ in range(2)) for _ in range(4)]
        self.wq, self.wk, self.wv, self.wh = projections
        self.ln1, self.ln2 = nn.LayerNorm(4), nn.LayerNorm(4)
        self.ffn1, self.ffn2 = nn.Linear(4, 16), nn.Linear(16, 4)
        self.deep, self.out = Network(NUMBERS + 3 * 4 + 5 * 4, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        user, item, history, there = self.e(batch)
        s = torch.cat([history, item.unsqueeze(1)], dim=1) + self.position
        holds = torch.cat([there, torch.ones_like(there[:, :1])], dim=1)
        unseen = ~holds.unsqueeze(1)
        heads = []
        for wq, wk, wv in zip(self.wq, self.wk, self.wv):
            scores = wq(s) @ wk(s).transpose(1, 2) / 4**0.5
            heads.append(torch.softmax(scores.masked_fill(unseen, -torch.inf), dim=2) @ wv(s))
        attended = torch.cat(heads, dim=2) @ torch.cat([wh.weight for wh in self.wh], dim=1).T
        a = self.ln1(s + attended)
        f = self.ln2(a + self.ffn2(torch.relu(self.ffn1(a))))
        x = torch.cat([batch.numbers, user, item, f.flatten(1)], dim=1)
        return self.out(self.deep(x)).squeeze(1)
