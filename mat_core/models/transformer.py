"""The transformer units of Fig. 3: how self- and guided-attention blocks are wired between regions and words."""

from dataclasses import dataclass

from torch import Tensor, nn

from .attention import AttentionBlock, AttentionHook, AttentionRecord

SIDES = ("regions", "words")
OTHER_SIDE = {"regions": "words", "words": "regions"}


@dataclass(frozen=True)
class UnitConfig:
    """The blocks of a unit. self_attention: modalities with an SA block. guided: those with a GA block after it, whose
    context is the other modality. modalities: those that are read.
    """

    name: str
    meaning: str
    self_attention: tuple[str, ...]
    guided: tuple[str, ...]
    modalities: tuple[str, ...] = SIDES

    @property
    def guided_maps(self) -> tuple["AttentionMap", ...]:
        """The maps of the GA blocks."""
        return tuple(MAP_BY_SIDES[side, OTHER_SIDE[side]] for side in self.guided)


UNITS = {
    "base": UnitConfig("Base", "no attention: regions and words meet only in the fusion", (), ()),
    "sa-sa": UnitConfig("SA-SA", "each side attends to itself", SIDES, ()),
    "sa-sga-image": UnitConfig("SA(words)-SGA(regions)", "words guide the regions' attention", SIDES, ("regions",)),
    "sa-sga-text": UnitConfig("SA(regions)-SGA(words)", "regions guide the words' attention", SIDES, ("words",)),
    "sga-sga": UnitConfig("SGA-SGA", "each side guides the other", SIDES, SIDES),
    "image-only": UnitConfig(
        "Image only", "regions attend to each other; no words are read", ("regions",), (), ("regions",)
    ),
}


@dataclass(frozen=True)
class AttentionMap:
    """One of a layer's four maps: the modality of its queries and of its keys."""

    name: str
    queries: str
    keys: str


# the first two are of SA blocks, the last two of GA blocks
_ATTENTION_MAPS = (
    AttentionMap("regions_to_regions", "regions", "regions"),
    AttentionMap("words_to_words", "words", "words"),
    AttentionMap("regions_to_words", "regions", "words"),
    AttentionMap("words_to_regions", "words", "regions"),
)
ATTENTION_MAPS = tuple(m.name for m in _ATTENTION_MAPS)
MAP_BY_NAME = {m.name: m for m in _ATTENTION_MAPS}
MAP_BY_SIDES = {(m.queries, m.keys): m for m in _ATTENTION_MAPS}


# X' and X'', each (b, n, d), and with need_weights the AttentionRecord
SelfAttentionOutput = tuple[Tensor, Tensor, AttentionRecord | None]


class TransformerUnit(nn.Module):
    """One layer of a unit. self_blocks, guided_blocks: its blocks by modality."""

    def __init__(self, unit: str, d: int, h: int, dropout: float = 0.1):
        super().__init__()
        wiring = UNITS[unit]
        self.self_blocks = nn.ModuleDict({side: AttentionBlock(d, h, dropout) for side in wiring.self_attention})
        self.guided_blocks = nn.ModuleDict({side: AttentionBlock(d, h, dropout) for side in wiring.guided})

    def forward(
        self,
        tokens: dict[str, Tensor],
        padding: dict[str, Tensor | None],
        need_weights: bool = False,
        attention_hooks: dict[str, AttentionHook] | None = None,
        cached: dict[str, SelfAttentionOutput] | None = None,
    ) -> tuple[dict[str, Tensor], dict[str, AttentionRecord]]:
        """tokens: modality -> (b, n, d); padding: modality -> (b, n), True for padding; cached: modality -> output of
        its SA block for these tokens.

        Returns the new tokens, modality -> (b, n, d), and name of `ATTENTION_MAPS` -> AttentionRecord.
        """
        attended, middle, maps, attention_hooks = dict(tokens), {}, {}, attention_hooks or {}
        for side, block in self.self_blocks.items():
            name = MAP_BY_SIDES[side, side].name
            if cached and side in cached:
                attended[side], middle[side], record = cached[side]
            else:
                attended[side], middle[side], record = block(
                    tokens[side], tokens[side], padding[side], need_weights, attention_hooks.get(name)
                )
            if record is not None:
                maps[name] = record
        # both guided blocks read this layer's SA outputs, in parallel; the context is the other modality's X''
        outputs = dict(attended)
        for side, block in self.guided_blocks.items():
            other = OTHER_SIDE[side]
            name = MAP_BY_SIDES[side, other].name
            outputs[side], _, record = block(
                attended[side], middle[other], padding[other], need_weights, attention_hooks.get(name)
            )
            if record is not None:
                maps[name] = record
        return outputs, maps
