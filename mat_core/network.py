"""The MAT network (Fig. 1): embed both inputs, attend, fuse, classify.

features (b, n, f) --project--> X (b, n, d) --+            +-- pool --> X~ (b, d) --+
                                              +-- unit x L-+                        * --> z (b, d) --> logits (b, C)
word ids (b, w) --GloVe, LSTM--> Y (b, w, d) -+            +-- pool --> Y~ (b, d) --+
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .attention import Edit, Intermediates
from .errors import ConfigError
from .limits import number, shown, whole
from .linear import Linear
from .units import UNITS, Attended, TransformerUnit

# what a configuration may ask for: far more than the paper has, and nothing that fills a computer
MOST = {
    "d": 4096, "h": 64, "n": 1000, "words": 100, "layers": 24, "classes": 100, "region_width": 10_000,
    "word_width": 1000, "vocabulary": 100_000,
}  # fmt: skip
MOST_WEIGHTS = 20_000_000  # of attention in one map of all layers and heads


@dataclass(frozen=True)
class MATConfig:
    """The hyper-parameters, with the paper's values (section 3.2). Raises ConfigError for what cannot work.

    d: width of every token; h: heads; n: regions at most; words: words at most; layers: units stacked; classes: C;
    unit: a key of `units.UNITS`; region_width: f, numbers that describe a region; word_width: d', GloVe's dimension;
    vocabulary: rows of the word table, padding (row 0) included.
    """

    unit: str = "sga-sga"
    d: int = 512
    h: int = 8
    dropout: float = 0.1
    n: int = 100
    words: int = 10
    layers: int = 1
    classes: int = 7
    region_width: int = 516
    word_width: int = 50
    vocabulary: int = 113

    def __post_init__(self):
        if not isinstance(self.unit, str) or self.unit not in UNITS:
            raise ConfigError(f"unit must be one of {', '.join(UNITS)}; got {shown(self.unit)}.")
        for name, most in MOST.items():
            whole(name, getattr(self, name), 1, most)
        if self.d % self.h:
            divisors = [k for k in range(1, MOST["h"] + 1) if self.d % k == 0]
            raise ConfigError(
                f"d={self.d} cannot be shared among h={self.h} heads: h must divide d "
                f"(for this d: {', '.join(map(str, divisors))})."
            )
        if self.classes < 2:
            raise ConfigError(f"classes must be at least 2, or there is nothing to decide; got {self.classes}.")
        if self.vocabulary < 2:
            raise ConfigError("vocabulary must be at least 2: row 0 is padding and carries no word.")
        number("dropout", self.dropout, 0, 0.99)
        if self.layers * self.h * self.n * max(self.n, self.words) > MOST_WEIGHTS:
            raise ConfigError(
                f"layers x h x n x n must be at most {MOST_WEIGHTS}, or attention fills the memory; "
                f"got {self.layers} x {self.h} x {self.n} x {max(self.n, self.words)}."
            )

    @property
    def modalities(self) -> tuple[str, ...]:
        """The sides that the unit reads: ('regions', 'words'), or ('regions',) for image-only."""
        return UNITS[self.unit].modalities


@dataclass
class MATOutput:
    """logits: (b, classes), before softmax. The rest is None unless asked for.

    layers: for each layer the Intermediates of its blocks, by the names in `units.MAPS`. pooled: side -> (b, d), the
    X~ and Y~ that are multiplied. contributions: side -> (b, tokens, d), what each token adds to its side's pooled
    vector (they sum to it; padding adds 0).
    """

    logits: Tensor
    layers: list[dict[str, Intermediates]] | None = None
    pooled: dict[str, Tensor] | None = None
    contributions: dict[str, Tensor] | None = None


@dataclass(frozen=True)
class ImageSide:
    """What of a forward pass depends on one image alone, for many words to meet it: `MATNetwork.image_side` makes it.

    tokens: (1, n, d), the projected features; attended: what the first layer's self-attention makes of them, None where
    there is none. padding: (1, n), as it was given.
    """

    tokens: Tensor
    padding: Tensor
    attended: Attended | None


class WordEncoder(nn.Module):
    """Word ids to tokens: GloVe rows (frozen, row 0 is padding), then a one-layer LSTM with d units (section 2.1)."""

    def __init__(self, vocabulary: int, word_width: int, d: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, word_width, padding_idx=0)
        self.embedding.weight.requires_grad_(False)
        self.lstm = nn.LSTM(word_width, d, batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        """ids: (b, w) to tokens (b, w, d). Padding comes last and the LSTM runs forward, so no word sees it."""
        return self.lstm(self.embedding(ids))[0]


class Fusion(nn.Module):
    """Section 2.3: Drop(ReLU(FC(d))) of each token, masked sum over tokens, product of the sides."""

    def __init__(self, sides: tuple[str, ...], d: int, dropout: float):
        super().__init__()
        self.projections = nn.ModuleDict(
            {side: nn.Sequential(Linear(d, d), nn.ReLU(), nn.Dropout(dropout)) for side in sides}
        )
        # A side without a token sums to 0 and would wipe out the other side in the product. It is replaced by a
        # learned vector that starts at 1, the product's neutral element. The paper is silent on this.
        self.absent = nn.ParameterDict({side: nn.Parameter(torch.ones(d)) for side in sides if side != "regions"})

    def forward(
        self, tokens: dict[str, Tensor], padding: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """tokens: side -> (b, n, d); padding: side -> (b, n). Returns z (b, d), pooled and contributions by side."""
        pooled, contributions = {}, {}
        for side, project in self.projections.items():
            contributions[side] = project(tokens[side]).masked_fill(padding[side][..., None], 0.0)
            pooled[side] = contributions[side].sum(1)
            if side in self.absent:
                empty = padding[side].all(1, keepdim=True)  # (b, 1)
                pooled[side] = torch.where(empty, self.absent[side].to(pooled[side].dtype), pooled[side])
        return self.product(pooled), pooled, contributions

    @staticmethod
    def product(pooled: dict[str, Tensor]) -> Tensor:
        """z of the pooled vectors X~ and Y~, side -> (b, d): their product, or X~ alone where no words are read."""
        return pooled["regions"] * pooled["words"] if "words" in pooled else pooled["regions"]


class MATNetwork(nn.Module):
    """The whole network of one unit."""

    def __init__(self, config: MATConfig = MATConfig()):
        super().__init__()
        self.config = config
        self.region_projection = Linear(config.region_width, config.d)
        if "words" in config.modalities:
            self.word_encoder = WordEncoder(config.vocabulary, config.word_width, config.d)
        layers = 0 if config.unit == "base" else config.layers  # Base is the identity
        self.layers = nn.ModuleList(
            TransformerUnit(config.unit, config.d, config.h, config.dropout) for _ in range(layers)
        )
        self.fusion = Fusion(config.modalities, config.d, config.dropout)
        self.norm = nn.LayerNorm(config.d)
        self.drop = nn.Dropout(config.dropout)
        self.classifier = Linear(config.d, config.classes)

    def forward(
        self,
        features: Tensor,
        region_padding: Tensor | None,
        word_ids: Tensor,
        need_weights: bool = False,
        edits: dict[str, Edit] | None = None,
        image: ImageSide | None = None,
    ) -> MATOutput:
        """features: (b, n, region_width); region_padding: (b, n), True on padding, or None; word_ids: (b, words), 0 is
        padding (a unit that reads no words ignores them). The output carries attention only when asked for.

        With need_weights one image's features (1, n, region_width) may meet many word_ids (b, words) and many rows of
        region_padding (b, n), one of them or as many: what depends on one side alone is computed once. edits: name of a
        map (`units.MAPS`) to a function of its weights (b, h, queries, keys) that gives what multiplies the values in
        their place, in every layer; needs need_weights too. image: `image_side` of these features and this padding, so
        that it need not be computed again; the same bits come out.

        Raises ConfigError for shapes that the configuration does not fit.
        """
        config = self.config
        if features.ndim != 3 or features.shape[2] != config.region_width or not 1 <= features.shape[1] <= config.n:
            raise ConfigError(
                f"features must be (batch, at most {config.n}, {config.region_width}); got {tuple(features.shape)}."
            )
        shared = need_weights and len(features) == 1
        if word_ids.ndim != 2 or not (shared or len(word_ids) == len(features)) or word_ids.shape[1] > config.words:
            raise ConfigError(
                f"word_ids must be ({len(features)}, at most {config.words}); got {tuple(word_ids.shape)}."
            )
        if edits and not need_weights:
            raise ConfigError("edits need need_weights: the fused kernel has no weights to edit.")
        if image is not None and (not need_weights or "regions_to_regions" in (edits or {})):
            raise ConfigError("What is known of the image has weights in it, none of them edited.")
        if region_padding is None:
            region_padding = torch.zeros(features.shape[:2], dtype=torch.bool, device=features.device)
        tokens = {"regions": self.region_projection(features) if image is None else image.tokens}  # (b, n, d)
        padding = {"regions": region_padding}
        if "words" in config.modalities:
            tokens["words"] = self.word_encoder(word_ids)  # (b, w, d)
            padding["words"] = word_ids == 0
        known = {"regions": image.attended} if image is not None and image.attended is not None else None
        maps = []
        for layer in self.layers:
            tokens, seen = layer(tokens, padding, need_weights, edits, known)
            maps.append(seen)
            known = None  # behind the first layer, every side has heard of the other
        fused, pooled, contributions = self.fusion(tokens, padding)
        logits = self.classify(fused).expand(max(len(word_ids), len(region_padding)), -1)  # (b, C)
        return MATOutput(logits, maps, pooled, contributions) if need_weights else MATOutput(logits)

    def image_side(self, features: Tensor, region_padding: Tensor) -> ImageSide:
        """The part of `forward` that reads no word. features: (1, n, region_width); region_padding: (1, n)."""
        tokens = self.region_projection(features)
        attended = None
        for layer in self.layers[:1]:
            assert isinstance(layer, TransformerUnit)
            if "regions" in layer.self_blocks:
                attended = layer.self_blocks["regions"](tokens, tokens, region_padding, need_weights=True)
        return ImageSide(tokens, region_padding, attended)

    def classify(self, fused: Tensor) -> Tensor:
        """z, (b, d), to logits (b, classes): norm, dropout, the last linear layer."""
        return self.classifier(self.drop(self.norm(fused)))
