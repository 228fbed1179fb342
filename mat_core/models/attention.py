"""Scaled dot-product and multi-head attention, and the two blocks made of it (paper, section 2.2.1)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

AttentionHook = Callable[[Tensor], Tensor]  # weights (b, h, queries, keys) -> the weights to use instead


@dataclass
class AttentionRecord:
    """Intermediate results of multi-head attention with h heads of width d/h, for b cases.

    weights: (b, h, queries, keys), rows sum to 1; 0 for padded keys and for rows without keys. query, key, value:
    (b, h, tokens, d/h), after projection; weights = softmax(query @ key.T / sqrt(d/h)). output: (b, tokens, d), of the
    whole block.
    """

    weights: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor | None = None


def scaled_dot_product(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding: Tensor | None = None,
    dropout: float = 0.0,
    attention_hook: AttentionHook | None = None,
) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention (equation 1). Returns the output (b, h, m, w) and the weights (b, h, m, n).

    query: (b, h, m, w); key, value: (b, h, n, w); key_padding: (b, n), True for padding; a batch of 1 is broadcast.
    The returned weights are those before dropout. attention_hook: see `MATNetwork.forward`.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (b, h, m, n)
    if key_padding is not None:
        masked = key_padding[:, None, None, :]
        # if all keys are padding, softmax is NaN: the weights become 0
        weights = scores.masked_fill(masked, float("-inf")).softmax(-1).masked_fill(masked, 0.0)
    else:
        weights = scores.softmax(-1)
    if attention_hook is not None:
        weights = attention_hook(weights)
    return F.dropout(weights, dropout) @ value, weights


class MultiHeadAttention(nn.Module):
    """Multi-head attention (equation 2). d: width of the tokens; h: heads, a divisor of d; dropout: of the weights."""

    def __init__(self, d: int, h: int, dropout: float = 0.1):
        super().__init__()
        self.h, self.dropout = h, dropout
        self.query, self.key, self.value, self.output = (nn.Linear(d, d) for _ in range(4))
        for layer in (self.query, self.key, self.value, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        query: Tensor,
        context: Tensor,
        key_padding: Tensor | None = None,
        need_weights: bool = False,
        attention_hook: AttentionHook | None = None,
    ) -> tuple[Tensor, AttentionRecord | None]:
        """query: (b, m, d); context, source of keys and values: (b, n, d); key_padding: (b, n), True for padding.

        Returns (b, m, d), and with need_weights the AttentionRecord; without it the fused kernel runs.
        """
        q = self._split(self.query(query))  # (b, h, m, d/h)
        k = self._split(self.key(context))  # (b, h, n, d/h)
        v = self._split(self.value(context))  # (b, h, n, d/h)
        dropout = self.dropout if self.training else 0.0
        if need_weights:
            heads, weights = scaled_dot_product(q, k, v, key_padding, dropout, attention_hook)
            record = AttentionRecord(weights, q, k, v)
        else:
            heads, record = self._fused(q, k, v, key_padding, dropout), None
        b, h, m, w = heads.shape
        return self.output(heads.transpose(1, 2).reshape(b, m, h * w)), record

    def _split(self, tokens: Tensor) -> Tensor:
        b, n, d = tokens.shape
        return tokens.view(b, n, self.h, d // self.h).transpose(1, 2)

    @staticmethod
    def _fused(q: Tensor, k: Tensor, v: Tensor, key_padding: Tensor | None, dropout: float) -> Tensor:
        if key_padding is None:
            return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        empty = key_padding.all(-1, keepdim=True)  # (b, 1)
        # the kernel gives NaN for rows without keys: unmask them and zero the result
        visible = (~key_padding | empty)[:, None, None, :]
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=dropout)
        return heads.masked_fill(empty[:, None, None, :], 0.0)


class FeedForward(nn.Sequential):
    """FC(4d), ReLU, dropout, FC(d)."""

    def __init__(self, d: int, dropout: float = 0.1):
        super().__init__(nn.Linear(d, 4 * d), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4 * d, d))


class AttentionBlock(nn.Module):
    """The block of Fig. 2: multi-head attention and feed-forward network, each with residual connection and norm.

    X'' = LN(X + Drop(MHA(X, G))); X' = LN(X'' + Drop(FFN(X''))). Self-attention (SA) if the context G is X, guided
    attention (GA) if it is the other modality's X'' (section 2.2.2).
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
        context: Tensor,
        context_padding: Tensor | None = None,
        need_weights: bool = False,
        attention_hook: AttentionHook | None = None,
    ) -> tuple[Tensor, Tensor, AttentionRecord | None]:
        """tokens X: (b, m, d); context G: (b, n, d); context_padding: (b, n), True for padding.

        Returns X' (b, m, d), X'' (b, m, d), and with need_weights the AttentionRecord.
        """
        attended, record = self.attention(tokens, context, context_padding, need_weights, attention_hook)
        middle = self.attention_norm(tokens + self.drop(attended))
        output = self.feed_forward_norm(middle + self.drop(self.feed_forward(middle)))
        if record is not None:
            record.output = output
        return output, middle, record
