"""Exact additive contributions of every region, and of every word, to the logits of one forward pass.

After the last block tokens are only summed (the paper's section 2.3). Region i contributes c_i = ReLU(FC(x_i)), word j
contributes e_j, both (d,); with X~ = sum of c_i and Y~ = sum of e_j

    z = X~ * Y~ = sum over i of c_i * Y~
    logits = W LN(z) + b,   LN(z) = g * (z - mean(z)) / s + h,   s = sqrt(var(z) + eps)

The mean over d is linear; only s is not, and it is held at its value in this pass. Then, exactly,

    logits = sum over i of W g (c_i * Y~ - mean(c_i * Y~)) / s   +   (W h + b)
    logits = sum over j of W g (X~ * e_j - mean(X~ * e_j)) / s   +   (W h + b)

The two sums are equal: regions and words are two decompositions of the same logits, not two halves. W h + b does not
depend on the input and is reported as `constant`.

This describes one pass and is no experiment: without region i, s would differ, and c_i contains information of other
regions through attention. See `occlusion`.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ..data.labels import class_name
from ..data.metadata import Metadata
from ..display.base import NotebookResult
from ..display.panels import ResultView, check_class, class_index, top_bars
from ..inference.diagnoser import Diagnoser
from ..inference.diagnosis import Diagnosis
from ..models.detection.regions import Regions
from ..utils.formatting import format_signed, pluralize


@dataclass(frozen=True)
class Margin(NotebookResult):
    """Contributions to the calibrated log-odds of `label` against `other`; positive ones support `label`.

    regions: (r,); words: (w,). total = ln(probability of label / probability of other) = regions.sum() + constant, and
    = words.sum() + constant if there are words.
    """

    label: str
    other: str
    regions: np.ndarray
    words: np.ndarray
    constant: float
    total: float

    def summary(self) -> str:
        """Counts and sums of the supporting and opposing regions, and the largest one."""
        label, leads = class_name(self.label), "leads" if self.total >= 0 else "trails"
        start = (
            f"{label[:1].upper()}{label[1:]} {leads} {class_name(self.other)} by "
            f"{abs(self.total):.2f} of log-odds; {format_signed(self.constant)} of it is there before anything is seen"
        )
        if not len(self.regions):
            return f"{start}."
        pro, contra = self.regions[self.regions > 0], self.regions[self.regions < 0]
        largest = int(np.abs(self.regions).argmax())
        return (
            f"{start}. {pluralize(len(pro), 'region')} for it add{'s' if len(pro) == 1 else ''} "
            f"{format_signed(pro.sum())}, {len(contra)} against it {format_signed(contra.sum())}; region {largest + 1} "
            "says most "
            f"({format_signed(self.regions[largest])})."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Bars of the largest contributions of regions and words."""
        check_class(self.label, label)
        title = f"for {class_name(self.label)}, against {class_name(self.other)}, log-odds"
        names = tuple(f"region {i + 1}" for i in range(len(self.regions)))
        panels = [top_bars(f"Regions {title}", names, self.regions, kind="signed")] if names else []
        if len(self.words):
            words = tuple(f"word {i + 1}" for i in range(len(self.words)))
            panels.append(top_bars(f"Words {title}", words, self.words, kind="signed"))
        return ResultView("Contributions", self.summary(), tuple(panels))


@dataclass(frozen=True)
class Contributions(NotebookResult):
    """Contributions to the logits, (classes,), before temperature.

    regions: (r, classes); words: (w, classes); constant: (classes,). logits = regions.sum(0) + constant, and =
    words.sum(0) + constant if there are words. temperature: divides the logits before softmax.
    """

    labels: tuple[str, ...]
    logits: np.ndarray
    regions: np.ndarray
    words: np.ndarray
    constant: np.ndarray
    temperature: float

    def against(self, label: str, other: str | None = None) -> Margin:
        """Contributions to the log-odds of `label` against `other`, by default the most likely other class."""
        k = self.labels.index(label)
        if other is None:
            j = int(np.where(np.arange(len(self.labels)) == k, -np.inf, self.logits).argmax())
        else:
            j = self.labels.index(other)
        regions, words, constant, total = (
            (values[..., k] - values[..., j]) / self.temperature
            for values in (self.regions, self.words, self.constant, self.logits)
        )
        return Margin(label, self.labels[j], regions, words, float(constant), float(total))

    def summary(self, label: str | None = None) -> str:
        """`Margin.summary` of `label`, by default the top class, against the most likely other."""
        return self.against(label or self.labels[int(self.logits.argmax())]).summary()

    def view(self, label: str | None = None) -> ResultView:
        """`Margin.view` of the class against the most likely other."""
        return self.against(self.labels[class_index(self.labels, self.logits, label)]).view()


def contributions(diagnoser: Diagnoser, case: Regions | Diagnosis, metadata: Metadata | None = None) -> Contributions:
    """Decompose the logits of one case; case, metadata: see `Diagnoser.forward`."""
    network = diagnoser.bundle.network
    output = diagnoser.forward(case, metadata)
    regions, metadata = (case.regions, case.metadata) if isinstance(case, Diagnosis) else (case, metadata)
    counts = {"regions": min(len(regions), network.config.n), "words": len(diagnoser.words(metadata))}
    assert output.pooled is not None  # both come with need_weights
    assert output.contributions is not None
    with torch.inference_mode():
        norm, classifier = network.norm, network.classifier
        gain, shift, weight, bias = (t.double() for t in (norm.weight, norm.bias, classifier.weight, classifier.bias))
        pooled = {side: values[0].double() for side, values in output.pooled.items()}
        tokens = {side: values[0].double() for side, values in output.contributions.items()}
        fused = torch.stack(list(pooled.values())).prod(0)  # (d,)
        deviation = (fused.var(unbiased=False) + norm.eps).sqrt()  # held constant
        parts = {"words": torch.zeros(0, len(weight), dtype=torch.double)}
        for side, values in tokens.items():
            other_sides = [vector for name, vector in pooled.items() if name != side]
            products = values[: counts[side]] * (other_sides[0] if other_sides else 1.0)  # (tokens, d)
            centred = products - products.mean(-1, keepdim=True)
            parts[side] = (gain * centred / deviation) @ weight.T
        constant = weight @ shift + bias
    return Contributions(
        diagnoser.bundle.labels, output.logits[0].double().numpy(), parts["regions"].numpy(), parts["words"].numpy(),
        constant.numpy(), diagnoser.bundle.temperature,
    )  # fmt: skip
