"""Scaled dot-product and multi-head attention, and the two blocks made of it (paper, section 2.2.1)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from .linear import Linear

Edit = Callable[[Tensor], Tensor]  # weights (b, h, queries, keys) to what is used in their place


@dataclass
class Intermediates:
    """What one multi-head attention computed on its way, h heads of width d/h, b cases.

    weights: (b, h, queries, keys), rows sum to 1 over the keys, 0 on padded keys; a row with no key at all is 0.
    query, key, value: (b, h, tokens, d/h), after their projections; weights = softmax(query @ key.T / sqrt(d/h)).
    """

    weights: Tensor
    query: Tensor
    key: Tensor
    value: Tensor


def scaled_dot_product(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding: Tensor | None = None,
    dropout: float = 0.0,
    edit: Edit | None = None,
) -> tuple[Tensor, Tensor]:
    """Equation 1, step by step, with the weights.

    query: (b, h, m, w), key and value: (b, h, n, w), key_padding: (b, n), True where a key is padding. The scaling is
    by the width w that the dot product sums over. Returns the output (b, h, m, w) and the weights (b, h, m, n). The
    weights are those before dropout; dropout sits on the map that multiplies the values. edit: see MATNetwork.forward.
    A batch of 1 on either side stands for all rows of the other.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (b, h, m, n)
    if key_padding is not None:
        hidden = key_padding[:, None, None, :]
        # a row whose keys are all padding would be softmax of nothing: NaN. It gets weights of 0 instead.
        weights = scores.masked_fill(hidden, float("-inf")).softmax(-1).masked_fill(hidden, 0.0)
    else:
        weights = scores.softmax(-1)
    if edit is not None:
        weights = edit(weights)
    return F.dropout(weights, dropout) @ value, weights


class MultiHeadAttention(nn.Module):
    """h heads side by side, concatenated and mixed (equation 2).

    d: width of the tokens; h: heads, a divisor of d; dropout: on the attention map, in training only.
    """

    def __init__(self, d: int, h: int, dropout: float = 0.1):
        super().__init__()
        self.h, self.dropout = h, dropout
        self.query, self.key, self.value, self.output = (Linear(d, d) for _ in range(4))
        for layer in (self.query, self.key, self.value, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        query: Tensor,
        guide: Tensor,
        key_padding: Tensor | None = None,
        need_weights: bool = False,
        edit: Edit | None = None,
    ) -> tuple[Tensor, Intermediates | None]:
        """query: (b, m, d); guide, which gives keys and values: (b, n, d); key_padding: (b, n), True on padding.

        Returns (b, m, d), and the Intermediates when asked for. Without them the fused kernel runs.
        """
        q = self._split(self.query(query))  # (b, h, m, d/h)
        k = self._split(self.key(guide))  # (b, h, n, d/h)
        v = self._split(self.value(guide))  # (b, h, n, d/h)
        dropout = self.dropout if self.training else 0.0
        if need_weights:
            heads, weights = scaled_dot_product(q, k, v, key_padding, dropout, edit)
            intermediates = Intermediates(weights, q, k, v)
        else:
            heads, intermediates = self._fused(q, k, v, key_padding, dropout), None
        b, h, m, w = heads.shape
        return self.output(heads.transpose(1, 2).reshape(b, m, h * w)), intermediates

    def _split(self, tokens: Tensor) -> Tensor:
        b, n, d = tokens.shape
        return tokens.view(b, n, self.h, d // self.h).transpose(1, 2)

    @staticmethod
    def _fused(q: Tensor, k: Tensor, v: Tensor, key_padding: Tensor | None, dropout: float) -> Tensor:
        if key_padding is None:
            return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        empty = key_padding.all(-1, keepdim=True)  # (b, 1)
        # the kernel makes NaN of a row without keys: let it see all of them, then take the result away
        visible = (~key_padding | empty)[:, None, None, :]
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=dropout)
        return heads.masked_fill(empty[:, None, None, :], 0.0)


class FeedForward(nn.Sequential):
    """FC(4d), ReLU, dropout, FC(d)."""

    def __init__(self, d: int, dropout: float = 0.1):
        super().__init__(Linear(d, 4 * d), nn.ReLU(), nn.Dropout(dropout), Linear(4 * d, d))


class AttentionBlock(nn.Module):
    """The block of Fig. 2: masked multi-head attention, then the feed-forward network, each with shortcut and norm.

    X'' = LN(X + Drop(MHA(X, G))); X' = LN(X'' + Drop(FFN(X''))). With G = X it is a self-attention (SA) block, with G
    from the other modality a guided-attention (GA) block. `X''` is what guides another block (section 2.2.2).
    """

    def __init__(self, d: int, h: int, dropout: float = 0.1):
        super().__init__()
        self.attention = MultiHeadAttention(d, h, dropout)
        self.attention_norm = nn.LayerNorm(d)
        self.feed_forward = FeedForward(d, dropout)
        self.feed_forward_norm = nn.LayerNorm(d)
        self.drop = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Tensor,
        guide: Tensor,
        guide_padding: Tensor | None = None,
        need_weights: bool = False,
        edit: Edit | None = None,
    ) -> tuple[Tensor, Tensor, Intermediates | None]:
        """tokens X: (b, m, d); guide G: (b, n, d); guide_padding: (b, n), True on padding.

        Returns X' (b, m, d), X'' (b, m, d), and the Intermediates when asked for.
        """
        attended, intermediates = self.attention(tokens, guide, guide_padding, need_weights, edit)
        middle = self.attention_norm(tokens + self.drop(attended))
        return self.feed_forward_norm(middle + self.drop(self.feed_forward(middle))), middle, intermediates
