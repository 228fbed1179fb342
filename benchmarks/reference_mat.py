"""Reference implementation of SGA-SGA with `torch.nn.MultiheadAttention`, connected as in MCAN (Yu et al. 2019).

With the same weights (`copy_weights`) its logits equal those of `MATNetwork` to 1e-5.
"""

import torch
from torch import Tensor, nn

from mat_core import MATConfig, MATNetwork
from mat_core.models.attention import AttentionBlock
from mat_core.models.transformer import SIDES


class PlainBlock(nn.Module):
    """Attention and feed-forward network, each with a residual connection and layer norm."""

    def __init__(self, d: int, h: int, dropout: float):
        super().__init__()
        self.attention = nn.MultiheadAttention(d, h, dropout, batch_first=True)
        self.feed_forward = nn.Sequential(nn.Linear(d, 4 * d), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4 * d, d))
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(2))
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, context: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """tokens: (b, m, d), context: (b, n, d), padding: (b, n). Returns X' and X'', each (b, m, d)."""
        attended, _ = self.attention(tokens, context, context, key_padding_mask=padding, need_weights=False)
        middle = self.norms[0](tokens + self.drop(attended))
        return self.norms[1](middle + self.drop(self.feed_forward(middle))), middle


class PlainMAT(nn.Module):
    """Projection and LSTM, one layer of SGA-SGA, fusion."""

    def __init__(self, config: MATConfig):
        super().__init__()
        d, h, p = config.d, config.h, config.dropout
        self.project = nn.Linear(config.region_width, d)
        self.embed = nn.Embedding(config.vocabulary, config.word_width, padding_idx=0)
        self.embed.weight.requires_grad_(False)
        self.lstm = nn.LSTM(config.word_width, d, batch_first=True)
        self.self_blocks = nn.ModuleDict({side: PlainBlock(d, h, p) for side in SIDES})
        self.guided_blocks = nn.ModuleDict({side: PlainBlock(d, h, p) for side in SIDES})
        self.pool = nn.ModuleDict({side: nn.Linear(d, d) for side in SIDES})
        self.norm, self.drop, self.classify = nn.LayerNorm(d), nn.Dropout(p), nn.Linear(d, config.classes)

    def forward(self, features: Tensor, padding: Tensor, ids: Tensor) -> Tensor:
        """features: (b, n, f), padding: (b, n), ids: (b, w), at least one word each. Returns logits (b, classes)."""
        hidden = {"regions": padding, "words": ids == 0}
        x, y = self.project(features), self.lstm(self.embed(ids))[0]
        x, context_x = self.self_blocks["regions"](x, x, hidden["regions"])
        y, context_y = self.self_blocks["words"](y, y, hidden["words"])
        tokens = {
            "regions": self.guided_blocks["regions"](x, context_y, hidden["words"])[0],
            "words": self.guided_blocks["words"](y, context_x, hidden["regions"])[0],
        }
        pooled = [
            self.drop(self.pool[side](tokens[side]).relu()).masked_fill(hidden[side][..., None], 0.0).sum(1)
            for side in SIDES
        ]
        return self.classify(self.drop(self.norm(pooled[0] * pooled[1])))


@torch.no_grad()
def copy_weights(source: MATNetwork, target: PlainMAT) -> PlainMAT:
    """Copy the weights of a network of unit sga-sga with one layer into the reference, and return that."""
    (layer,) = source.layers
    pairs = [
        (source.region_projection, target.project), (source.word_encoder.embedding, target.embed),
        (source.word_encoder.lstm, target.lstm), (source.norm, target.norm), (source.classifier, target.classify),
        *((source.fusion.projections[side][0], target.pool[side]) for side in SIDES),
    ]  # fmt: skip
    for module, copy in pairs:
        copy.load_state_dict(module.state_dict())
    for side in SIDES:
        _copy_block(layer.self_blocks[side], target.self_blocks[side])
        _copy_block(layer.guided_blocks[side], target.guided_blocks[side])
    return target


def _copy_block(source: AttentionBlock, target: PlainBlock) -> None:
    attention = source.attention
    projections = attention.query, attention.key, attention.value
    target.attention.in_proj_weight.copy_(torch.cat([projection.weight for projection in projections]))
    target.attention.in_proj_bias.copy_(torch.cat([projection.bias for projection in projections]))
    target.attention.out_proj.load_state_dict(attention.output.state_dict())
    target.feed_forward.load_state_dict(source.feed_forward.state_dict())
    for copy, norm in zip(target.norms, (source.attention_norm, source.feed_forward_norm), strict=True):
        copy.load_state_dict(norm.state_dict())
