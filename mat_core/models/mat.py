"""The MAT network (Fig. 1): embed both inputs, attend, fuse, classify.

features (b, n, f) --project--> X (b, n, d) --+            +-- pool --> X~ (b, d) --+
                                              +-- unit x L-+                        * --> z (b, d) --> logits (b, C)
word ids (b, w) --GloVe, LSTM--> Y (b, w, d) -+            +-- pool --> Y~ (b, d) --+
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..utils.validation import check_int, check_number, short_repr
from .attention import AttentionHook, AttentionRecord
from .transformer import UNITS, SelfAttentionOutput, TransformerUnit

# largest allowed settings: far above the paper's, but bounded in memory
LIMITS = {
    "d": 4096, "h": 64, "n": 1000, "words": 100, "layers": 24, "classes": 100, "region_width": 10_000,
    "word_width": 1000, "vocabulary": 100_000,
}  # fmt: skip
MAX_ATTENTION_WEIGHTS = 20_000_000  # of one map over all layers and heads


@dataclass(frozen=True)
class MATConfig:
    """Hyper-parameters, by default the paper's (section 3.2). Raises ConfigError for invalid ones.

    unit: a key of `transformer.UNITS`; d: width of a token; h: heads; n: maximum of regions; words: maximum of words;
    layers: stacked units; classes: C; region_width: f, features of a region; word_width: d', width of a word vector;
    vocabulary: rows of the word table, including padding (row 0).
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
            raise ConfigError(f"unit must be one of {', '.join(UNITS)}; got {short_repr(self.unit)}.")
        for name, limit in LIMITS.items():
            check_int(name, getattr(self, name), 1, limit)
        if self.d % self.h:
            divisors = [k for k in range(1, LIMITS["h"] + 1) if self.d % k == 0]
            raise ConfigError(
                f"d={self.d} cannot be shared among h={self.h} heads: h must divide d "
                f"(for this d: {', '.join(map(str, divisors))})."
            )
        if self.classes < 2:
            raise ConfigError(f"classes must be at least 2, or there is nothing to decide; got {self.classes}.")
        if self.vocabulary < 2:
            raise ConfigError("vocabulary must be at least 2: row 0 is padding and carries no word.")
        check_number("dropout", self.dropout, 0, 0.99)
        if self.layers * self.h * self.n * max(self.n, self.words) > MAX_ATTENTION_WEIGHTS:
            raise ConfigError(
                f"layers x h x n x n must be at most {MAX_ATTENTION_WEIGHTS}, or attention fills the memory; "
                f"got {self.layers} x {self.h} x {self.n} x {max(self.n, self.words)}."
            )

    @property
    def modalities(self) -> tuple[str, ...]:
        """What the unit reads: ('regions', 'words'), or ('regions',) for image-only."""
        return UNITS[self.unit].modalities


@dataclass
class MATOutput:
    """logits: (b, classes), before softmax. The others are None without need_weights.

    layers: for each layer, name of `transformer.ATTENTION_MAPS` -> AttentionRecord. pooled: modality -> (b, d), X~ and
    Y~. contributions: modality -> (b, tokens, d), the summands of pooled; 0 for padding.
    """

    logits: Tensor
    layers: list[dict[str, AttentionRecord]] | None = None
    pooled: dict[str, Tensor] | None = None
    contributions: dict[str, Tensor] | None = None


@dataclass(frozen=True)
class ImageEncoding:
    """The word-independent part of a forward pass, to reuse with other words. See `MATNetwork.encode_image`.

    tokens: (1, n, d), the projected features; padding: (1, n); attended: output of the first layer's self-attention
    over regions, None without such a block.
    """

    tokens: Tensor
    padding: Tensor
    attended: SelfAttentionOutput | None


class WordEncoder(nn.Module):
    """Frozen GloVe vectors, then a one-layer LSTM with d units (section 2.1). Word 0 is padding."""

    def __init__(self, vocabulary: int, word_width: int, d: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, word_width, padding_idx=0)
        self.embedding.weight.requires_grad_(False)
        self.lstm = nn.LSTM(word_width, d, batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        """ids: (b, w) to tokens (b, w, d). Padding comes last, so that it does not affect words."""
        return self.lstm(self.embedding(ids))[0]


class Fusion(nn.Module):
    """Drop(ReLU(FC(d))) of each token, masked sum over tokens, product of the modalities (section 2.3)."""

    def __init__(self, sides: tuple[str, ...], d: int, dropout: float):
        super().__init__()
        self.projections = nn.ModuleDict(
            {side: nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Dropout(dropout)) for side in sides}
        )
        # Without words the sum is 0, and so would be the product: a learned vector, initially 1, replaces it.
        # The paper does not say what to do then.
        self.absent = nn.ParameterDict({side: nn.Parameter(torch.ones(d)) for side in sides if side != "regions"})

    def forward(
        self, tokens: dict[str, Tensor], padding: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """tokens: modality -> (b, n, d); padding: modality -> (b, n). Returns z (b, d), pooled and contributions."""
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
        """z, (b, d): the product of the pooled vectors, modality -> (b, d), or X~ if no words are read."""
        return pooled["regions"] * pooled["words"] if "words" in pooled else pooled["regions"]


class MATNetwork(nn.Module):
    """The Mutual Attention Transformer."""

    def __init__(self, config: MATConfig = MATConfig()):
        super().__init__()
        self.config = config
        self.region_projection = nn.Linear(config.region_width, config.d)
        if "words" in config.modalities:
            self.word_encoder = WordEncoder(config.vocabulary, config.word_width, config.d)
        layers = 0 if config.unit == "base" else config.layers  # Base is the identity
        self.layers = nn.ModuleList(
            TransformerUnit(config.unit, config.d, config.h, config.dropout) for _ in range(layers)
        )
        self.fusion = Fusion(config.modalities, config.d, config.dropout)
        self.norm = nn.LayerNorm(config.d)
        self.drop = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.d, config.classes)

    def forward(
        self,
        features: Tensor,
        region_padding: Tensor | None,
        word_ids: Tensor,
        need_weights: bool = False,
        attention_hooks: dict[str, AttentionHook] | None = None,
        image_encoding: ImageEncoding | None = None,
    ) -> MATOutput:
        """Classify regions with words.

        features: (b, n, region_width); region_padding: (b, n), True for padding; word_ids: (b, words), 0 for padding,
        ignored by units that read no words. need_weights: return attention and contributions too; then features
        (1, n, region_width) are broadcast over word_ids (b, words) and region_padding (1 or b, n). attention_hooks:
        name of `transformer.ATTENTION_MAPS` -> function of its weights (b, h, queries, keys), applied in every layer;
        needs need_weights. image_encoding: `encode_image` of these features and padding; the result is identical.

        Raises ConfigError for shapes other than the configuration's.
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
        if attention_hooks and not need_weights:
            raise ConfigError("attention_hooks need need_weights=True: the fused kernel gives no weights.")
        if image_encoding is not None and (not need_weights or "regions_to_regions" in (attention_hooks or {})):
            raise ConfigError("image_encoding needs need_weights=True and excludes a hook on regions_to_regions.")
        if region_padding is None:
            region_padding = torch.zeros(features.shape[:2], dtype=torch.bool, device=features.device)
        tokens = {
            "regions": self.region_projection(features) if image_encoding is None else image_encoding.tokens
        }  # (b, n, d)
        padding = {"regions": region_padding}
        if "words" in config.modalities:
            tokens["words"] = self.word_encoder(word_ids)  # (b, w, d)
            padding["words"] = word_ids == 0
        cached = (
            {"regions": image_encoding.attended}
            if image_encoding is not None and image_encoding.attended is not None
            else None
        )
        maps = []
        for layer in self.layers:
            tokens, records = layer(tokens, padding, need_weights, attention_hooks, cached)
            maps.append(records)
            cached = None  # of the first layer only: later ones depend on the words
        fused, pooled, contributions = self.fusion(tokens, padding)
        logits = self.classify(fused).expand(max(len(word_ids), len(region_padding)), -1)  # (b, C)
        return MATOutput(logits, maps, pooled, contributions) if need_weights else MATOutput(logits)

    def encode_image(self, features: Tensor, region_padding: Tensor) -> ImageEncoding:
        """The word-independent part of `forward`. features: (1, n, region_width); region_padding: (1, n)."""
        tokens = self.region_projection(features)
        attended = None
        for layer in self.layers[:1]:
            assert isinstance(layer, TransformerUnit)
            if "regions" in layer.self_blocks:
                attended = layer.self_blocks["regions"](tokens, tokens, region_padding, need_weights=True)
        return ImageEncoding(tokens, region_padding, attended)

    def classify(self, fused: Tensor) -> Tensor:
        """Logits (b, classes) of the fused vector z (b, d)."""
        return self.classifier(self.drop(self.norm(fused)))
