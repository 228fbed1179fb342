"""Predict many metadata for one image faster: the change by the words is of low rank.

In the guided block each region x receives a weighted sum of h * w vectors that are the same for all regions. So the
output projection W_o and the first feed-forward layer W_1 need not be applied to each region: with u = x + b_o + sum
over heads and words of a * (W_o v), layer norm's gain g and shift c, mean m and deviation s,

    W_1 LN(u) + b_1 = (A u + s (W_1 c + b_1)) / s,    A = W_1 diag(g), each row less its mean, so that A m = 0
    A u = A (x + b_o) + sum of a * (A W_o v)          the first term is the image's, the vectors A W_o v are few

and ReLU(p / s) = ReLU(p) / s, as s is positive. This is exact but for the order of additions.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ..inference.diagnoser import Diagnoser
from ..models.attention import AttentionBlock, scaled_dot_product
from ..models.mat import ImageEncoding, MATNetwork
from ..models.transformer import TransformerUnit
from .batched_forward import predict_variants

CHUNK = 16  # variants in a batch: their hidden layer should fit the CPU's caches


def predict_metadata_variants(diagnoser: Diagnoser, features: Tensor, padding: Tensor, ids: Tensor) -> np.ndarray:
    """Calibrated probabilities of one image with many words, (b, classes) float64; equal to single passes to 1e-5.

    features: (1, r, region_width); padding: (1, r), True for padding; ids: (b, w).
    """
    network = diagnoser.bundle.network
    lengths = (ids != 0).sum(1)
    if network.training or padding.any() or len(network.layers) != 1 or not _guides_regions(network.layers[0]):
        return predict_variants(diagnoser, features, padding, ids)
    probabilities = np.zeros((len(ids), len(diagnoser.bundle.labels)))
    with torch.inference_mode():
        image = network.encode_image(features, padding)
        guided = _Guided(network, image)
        for length in lengths.unique().tolist():
            for rows in torch.nonzero(lengths == length)[:, 0].split(CHUNK):
                if length:
                    probabilities[rows.numpy()] = diagnoser.to_probabilities(
                        guided.logits(ids[rows, :length]).double().numpy()
                    )
                else:  # no words
                    probabilities[rows.numpy()] = predict_variants(diagnoser, features, padding, ids[rows])
    return probabilities


def _guides_regions(layer: torch.nn.Module) -> bool:
    return isinstance(layer, TransformerUnit) and "regions" in layer.guided_blocks and "words" in layer.self_blocks


class _Guided:
    """The regions' guided block with everything that depends on the image alone."""

    def __init__(self, network: MATNetwork, image: ImageEncoding):
        self.network, self.image = network, image
        layer = network.layers[0]
        assert isinstance(layer, TransformerUnit)
        self.layer = layer
        tokens, self.middle, _ = image.attended or (image.tokens, image.tokens, None)
        block = layer.guided_blocks["regions"]
        assert isinstance(block, AttentionBlock)
        self.block, attention, norm = block, block.attention, block.attention_norm
        first, second = block.feed_forward[0], block.feed_forward[-1]
        assert isinstance(first, nn.Linear)
        assert isinstance(second, nn.Linear)
        self.second = second
        d, h = network.config.d, attention.h
        self.query = attention.query(tokens).view(1, -1, h, d // h).transpose(1, 2)  # (1, h, n, d/h)
        self.start = tokens[0] + attention.output.bias  # (n, d)
        inner = first.weight * norm.weight  # (4d, d)
        inner = inner - inner.mean(1, keepdim=True)
        self.inner_start = self.start @ inner.T  # (n, 4d)
        self.shift = first.weight @ norm.bias + first.bias  # (4d,)
        output = attention.output.weight.view(d, h, d // h)  # of each head
        self.output = output.permute(1, 2, 0).contiguous()  # (h, d/h, d)
        self.inner_output = self.output @ inner.T  # (h, d/h, 4d)

    def logits(self, ids: Tensor) -> Tensor:
        """ids: (b, w), no padding. Logits (b, classes)."""
        tokens = self.network.word_encoder(ids).contiguous()  # products of what is not are slow
        none = torch.zeros(ids.shape, dtype=torch.bool)
        words, context, _ = self.layer.self_blocks["words"](tokens, tokens, none)
        if "words" in self.layer.guided_blocks:
            words = self.layer.guided_blocks["words"](words, self.middle, self.image.padding, need_weights=True)[0]
        sides = {"regions": self._regions(context), "words": words}
        padding = {"regions": self.image.padding, "words": none}
        return self.network.classify(self.network.fusion(sides, padding)[0])

    def _regions(self, context: Tensor) -> Tensor:
        """guide: (b, w, d), the words' X''. The regions' X', (b, n, d)."""
        attention, norm = self.block.attention, self.block.attention_norm
        b, w, d = context.shape
        h, n = attention.h, len(self.start)
        key, value = (p(context).view(b, w, h, d // h).transpose(1, 2) for p in (attention.key, attention.value))
        _, weights = scaled_dot_product(self.query, key, value)  # (b, h, n, w)
        weights = weights.permute(0, 2, 1, 3).reshape(b, n, h * w)
        heads = value.transpose(0, 1).reshape(h, b * w, d // h)
        projected, inner = (
            (heads @ vectors).view(h, b, w, -1).transpose(0, 1).reshape(b, h * w, -1)
            for vectors in (self.output, self.inner_output)
        )
        summed = torch.baddbmm(self.start, weights, projected)  # u
        variance, mean = torch.var_mean(summed, -1, correction=0, keepdim=True)
        deviation = (variance + norm.eps).sqrt()  # (b, n, 1)
        factors = torch.cat([weights, deviation], -1)
        vectors = torch.cat([inner, self.shift.expand(b, 1, -1)], 1)
        hidden = torch.baddbmm(self.inner_start, factors, vectors).relu_()
        middle = (summed - mean).div_(deviation).mul_(norm.weight).add_(norm.bias)
        forward = nn.functional.linear(hidden, self.second.weight).div_(deviation)
        return self.block.feed_forward_norm(middle.add_(forward).add_(self.second.bias))
