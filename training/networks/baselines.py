"""Control networks on the same inputs as the MAT."""

import torch
from torch import Tensor, nn

from mat_core.errors import ConfigError
from mat_core.models.mat import MATConfig, MATOutput, WordEncoder


class MetadataOnly(nn.Module):
    """Words only: LSTM, Drop(ReLU(FC)), sum over words, LN, classifier."""

    def __init__(self, config: MATConfig):
        super().__init__()
        self.config = config
        self.word_encoder = WordEncoder(config.vocabulary, config.word_width, config.d)
        self.project = _projection(config)
        self.norm = nn.LayerNorm(config.d)
        self.classifier = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(config.d, config.classes))

    def forward(self, features: Tensor, region_padding: Tensor | None, word_ids: Tensor) -> MATOutput:
        """As MATNetwork's; features and region_padding are ignored."""
        pooled = _pool(self.project(self.word_encoder(word_ids)), word_ids == 0)
        return MATOutput(self.classifier(self.norm(pooled)))


class Concatenation(nn.Module):
    """Both modalities pooled as in fusion, without attention, and concatenated instead of multiplied."""

    def __init__(self, config: MATConfig):
        super().__init__()
        self.config = config
        self.region_projection = nn.Linear(config.region_width, config.d)
        self.word_encoder = WordEncoder(config.vocabulary, config.word_width, config.d)
        self.regions, self.words = _projection(config), _projection(config)
        self.norms = nn.ModuleList([nn.LayerNorm(config.d), nn.LayerNorm(config.d)])
        self.classifier = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(2 * config.d, config.classes))

    def forward(self, features: Tensor, region_padding: Tensor | None, word_ids: Tensor) -> MATOutput:
        """As MATNetwork's."""
        if region_padding is None:
            region_padding = torch.zeros(features.shape[:2], dtype=torch.bool, device=features.device)
        sides = (
            _pool(self.regions(self.region_projection(features)), region_padding),
            _pool(self.words(self.word_encoder(word_ids)), word_ids == 0),
        )
        return MATOutput(self.classifier(torch.cat([norm(x) for norm, x in zip(self.norms, sides, strict=True)], -1)))


TRAINED = {"metadata-only": MetadataOnly, "concatenation": Concatenation}


def build_control(name: str, config: MATConfig) -> nn.Module:
    """A control by name with the widths of `config`. Raises ConfigError."""
    if name not in TRAINED:
        raise ConfigError(f"The control must be one of {', '.join(TRAINED)}; got {name!r}.")
    return TRAINED[name](config)


def _projection(config: MATConfig) -> nn.Module:
    return nn.Sequential(nn.Linear(config.d, config.d), nn.ReLU(), nn.Dropout(config.dropout))


def _pool(tokens: Tensor, padding: Tensor) -> Tensor:
    return tokens.masked_fill(padding[..., None], 0.0).sum(1)
