"""The transformer units of Fig. 3: how self- and guided-attention blocks are wired between regions and words."""

from dataclasses import dataclass

from torch import Tensor, nn

from .attention import AttentionBlock, Edit, Intermediates

SIDES = ("regions", "words")
OTHER = {"regions": "words", "words": "regions"}


@dataclass(frozen=True)
class Wiring:
    """Which blocks a unit has, by side ('regions', 'words'), what it is called, and in a few words what it does.

    self_attention: sides with an SA block. guided: sides with a GA block on top of it; there that side has the queries,
    the other one the keys and values. modalities: the sides that are read at all.
    """

    name: str
    meaning: str
    self_attention: tuple[str, ...]
    guided: tuple[str, ...]
    modalities: tuple[str, ...] = SIDES

    @property
    def guided_maps(self) -> tuple["AttentionMap", ...]:
        """The maps of the GA blocks; none for units without guidance."""
        return tuple(BETWEEN[side, OTHER[side]] for side in self.guided)


UNITS = {
    "base": Wiring("Base", "no attention: regions and words meet only in the fusion", (), ()),
    "sa-sa": Wiring("SA-SA", "each side attends to itself", SIDES, ()),
    "sa-sga-image": Wiring("SA(words)-SGA(regions)", "words guide the regions' attention", SIDES, ("regions",)),
    "sa-sga-text": Wiring("SA(regions)-SGA(words)", "regions guide the words' attention", SIDES, ("words",)),
    "sga-sga": Wiring("SGA-SGA", "each side guides the other", SIDES, SIDES),
    "image-only": Wiring(
        "Image only", "regions attend to each other; no words are read", ("regions",), (), ("regions",)
    ),
}


@dataclass(frozen=True)
class AttentionMap:
    """One of a layer's four maps: `queries` is the side that looks, `keys` the side that is looked at."""

    name: str
    queries: str
    keys: str


# the first two are of SA blocks, the last two of GA blocks
_MAPS = (
    AttentionMap("regions_to_regions", "regions", "regions"),
    AttentionMap("words_to_words", "words", "words"),
    AttentionMap("regions_to_words", "regions", "words"),
    AttentionMap("words_to_regions", "words", "regions"),
)
MAPS = tuple(m.name for m in _MAPS)
BY_NAME = {m.name: m for m in _MAPS}
BETWEEN = {(m.queries, m.keys): m for m in _MAPS}


# what a self-attention block gives: X' and X'', each (b, n, d), and the Intermediates where they were asked for
Attended = tuple[Tensor, Tensor, Intermediates | None]


class TransformerUnit(nn.Module):
    """One layer of a unit. Its blocks live in `self_blocks` and `guided_blocks`, by side ('regions', 'words')."""

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
        edits: dict[str, Edit] | None = None,
        known: dict[str, Attended] | None = None,
    ) -> tuple[dict[str, Tensor], dict[str, Intermediates]]:
        """tokens: side -> (b, n, d); padding: side -> (b, n), True on padding. known: side -> what its SA block gives
        of these very tokens, where somebody knows that already.

        Returns the attended tokens, side -> (b, n, d), and the Intermediates of every block by the names in `MAPS`.
        """
        attended, middle, maps, edits = dict(tokens), {}, {}, edits or {}
        for side, block in self.self_blocks.items():
            name = BETWEEN[side, side].name
            if known and side in known:
                attended[side], middle[side], seen = known[side]
            else:
                attended[side], middle[side], seen = block(
                    tokens[side], tokens[side], padding[side], need_weights, edits.get(name)
                )
            if seen is not None:
                maps[name] = seen
        # both guided blocks read the SA outputs of this layer, in parallel; the guide is the other side's X''
        outputs = dict(attended)
        for side, block in self.guided_blocks.items():
            other = OTHER[side]
            name = BETWEEN[side, other].name
            outputs[side], _, seen = block(attended[side], middle[other], padding[other], need_weights, edits.get(name))
            if seen is not None:
                maps[name] = seen
        return outputs, maps
