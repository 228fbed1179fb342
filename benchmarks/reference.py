"""The yardstick: SGA-SGA written plainly from `torch.nn.MultiheadAttention`, as MCAN (Yu et al. 2019) wires it.

It computes what `MATNetwork` computes, with the same weights to 1e-5: `same_weights` copies them, and a test compares.
"""

import torch
from torch import Tensor, nn

from mat_core import MATConfig, MATNetwork
from mat_core.attention import AttentionBlock
from mat_core.units import SIDES


class PlainBlock(nn.Module):
    """Attention, feed-forward network, each with shortcut and norm."""

    def __init__(self, d: int, h: int, dropout: float):
        super().__init__()
        self.attention = nn.MultiheadAttention(d, h, dropout, batch_first=True)
        self.feed_forward = nn.Sequential(nn.Linear(d, 4 * d), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4 * d, d))
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(2))
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, guide: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """tokens: (b, m, d), guide: (b, n, d), padding: (b, n). Returns X' and X'', each (b, m, d)."""
        attended, _ = self.attention(tokens, guide, guide, key_padding_mask=padding, need_weights=False)
        middle = self.norms[0](tokens + self.drop(attended))
        return self.norms[1](middle + self.drop(self.feed_forward(middle))), middle


class PlainMAT(nn.Module):
    """One layer of SGA-SGA between projection, LSTM and fusion."""

    def __init__(self, config: MATConfig):
        super().__init__()
        d, h, p = config.d, config.h, config.dropout
        self.project = nn.Linear(config.region_width, d)
        self.embed = nn.Embedding(config.vocabulary, config.word_width, padding_idx=0)
        self.embed.weight.requires_grad_(False)
        self.lstm = nn.LSTM(config.word_width, d, batch_first=True)
        self.own = nn.ModuleDict({side: PlainBlock(d, h, p) for side in SIDES})
        self.guided = nn.ModuleDict({side: PlainBlock(d, h, p) for side in SIDES})
        self.pool = nn.ModuleDict({side: nn.Linear(d, d) for side in SIDES})
        self.norm, self.drop, self.classify = nn.LayerNorm(d), nn.Dropout(p), nn.Linear(d, config.classes)

    def forward(self, features: Tensor, padding: Tensor, ids: Tensor) -> Tensor:
        """features: (b, n, f), padding: (b, n), ids: (b, w), at least one word each. Logits (b, classes)."""
        hidden = {"regions": padding, "words": ids == 0}
        x, y = self.project(features), self.lstm(self.embed(ids))[0]
        x, guide_x = self.own["regions"](x, x, hidden["regions"])
        y, guide_y = self.own["words"](y, y, hidden["words"])
        tokens = {
            "regions": self.guided["regions"](x, guide_y, hidden["words"])[0],
            "words": self.guided["words"](y, guide_x, hidden["regions"])[0],
        }
        pooled = [
            self.drop(self.pool[side](tokens[side]).relu()).masked_fill(hidden[side][..., None], 0.0).sum(1)
            for side in SIDES
        ]
        return self.classify(self.drop(self.norm(pooled[0] * pooled[1])))


@torch.no_grad()
def same_weights(plain: PlainMAT, ours: MATNetwork) -> PlainMAT:
    """Give the reference the weights of a network of unit sga-sga with one layer."""
    (layer,) = ours.layers
    copied = [
        (plain.project, ours.region_projection), (plain.embed, ours.word_encoder.embedding),
        (plain.lstm, ours.word_encoder.lstm), (plain.norm, ours.norm), (plain.classify, ours.classifier),
        *((plain.pool[side], ours.fusion.projections[side][0]) for side in SIDES),
    ]  # fmt: skip
    for to, source in copied:
        to.load_state_dict(source.state_dict())
    for side in SIDES:
        _copy_block(plain.own[side], layer.self_blocks[side])
        _copy_block(plain.guided[side], layer.guided_blocks[side])
    return plain


def _copy_block(to: PlainBlock, source: AttentionBlock) -> None:
    parts = source.attention.query, source.attention.key, source.attention.value
    to.attention.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    to.attention.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    to.attention.out_proj.load_state_dict(source.attention.output.state_dict())
    to.feed_forward.load_state_dict(source.feed_forward.state_dict())
    for norm, given in zip(to.norms, (source.attention_norm, source.feed_forward_norm), strict=True):
        norm.load_state_dict(given.state_dict())
