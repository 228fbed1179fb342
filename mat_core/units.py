"""The transformer units of Fig. 3: how self- and guided-attention blocks are wired between regions and words."""

from dataclasses import dataclass

from torch import Tensor, nn

from .attention import AttentionBlock, Edit, Intermediates


@dataclass(frozen=True)
class Wiring:
    """Which blocks a unit has. `guided` lists the sides that have a GA block on top of their SA block."""

    name: str
    self_attention: tuple[str, ...]
    guided: tuple[str, ...]
    modalities: tuple[str, ...] = ("regions", "words")


# 'regions' guided means: regions are the queries, words the keys and values.
UNITS = {
    "base": Wiring("Base", (), ()),
    "sa-sa": Wiring("SA-SA", ("regions", "words"), ()),
    "sa-sga-image": Wiring("SA(words)-SGA(regions)", ("regions", "words"), ("regions",)),
    "sa-sga-text": Wiring("SA(regions)-SGA(words)", ("regions", "words"), ("words",)),
    "sga-sga": Wiring("SGA-SGA", ("regions", "words"), ("regions", "words")),
    "image-only": Wiring("Image only", ("regions",), (), ("regions",)),
}
# the four maps of a layer: who looks (queries) at whom (keys)
MAPS = ("regions_to_regions", "words_to_words", "regions_to_words", "words_to_regions")


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
    ) -> tuple[dict[str, Tensor], dict[str, Intermediates]]:
        """tokens: side -> (b, n, d); padding: side -> (b, n), True on padding.

        Returns the attended tokens, side -> (b, n, d), and the Intermediates of every block by the names in `MAPS`.
        """
        attended, middle, maps, edits = dict(tokens), {}, {}, edits or {}
        for side, block in self.self_blocks.items():
            edit = edits.get(f"{side}_to_{side}")
            attended[side], middle[side], seen = block(tokens[side], tokens[side], padding[side], need_weights, edit)
            if seen is not None:
                maps[f"{side}_to_{side}"] = seen
        # both guided blocks read the SA outputs of this layer, in parallel; the guide is the other side's X''
        outputs = dict(attended)
        for side, block in self.guided_blocks.items():
            other = "words" if side == "regions" else "regions"
            edit = edits.get(f"{side}_to_{other}")
            outputs[side], _, seen = block(attended[side], middle[other], padding[other], need_weights, edit)
            if seen is not None:
                maps[f"{side}_to_{other}"] = seen
        return outputs, maps
