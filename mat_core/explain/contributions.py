"""It adds up: the exact share of every region, and of every word, in each logit of one pass.

Behind the last block nothing mixes tokens any more (the paper's section 2.3). Region i contributes c_i = ReLU(FC(x_i)),
word j contributes e_j, both (d,); with X~ = sum of c_i and Y~ = sum of e_j

    z = X~ * Y~                                       products of the sides, so z = sum over i of c_i * Y~
    logits = W LN(z) + b,   LN(z) = g * (z - mean(z)) / s + h,   s = sqrt(var(z) + eps)

The mean over d is linear: mean(z) is the sum of the means of c_i * Y~. Only s is not, and it is held at the value that
it has in this pass. Then, to the last digit that the arithmetic has,

    logits = sum over i of W g (c_i * Y~ - mean(c_i * Y~)) / s   +   (W h + b)
    logits = sum over j of W g (X~ * e_j - mean(X~ * e_j)) / s   +   (W h + b)

The two sums are equal: regions and words are two ways to cut one product, not two halves of the answer. What is left,
W h + b, is no token's: it is what the model says to an input that says nothing, and it is reported as `constant`.
Neither mean nor s is part of it: the mean is distributed among the tokens, s divides all of them alike.

This is an account of one pass, no experiment. Without region i, s would be another; and c_i is what block after block
has made of it by looking at all others, so what it adds need not be what its pixels know: `occlusion` asks that.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ..diagnoser import Diagnoser
from ..metadata import Metadata
from ..regions import Regions
from ..showing.shown import Plotted
from ..wording import class_name, counted, signed


@dataclass(frozen=True)
class Margin(Plotted):
    """Why `label` and not `other`: calibrated log-odds, cut up. Positive speaks for `label`.

    regions: (r,), words: (w,), constant: one number. total = ln(probability of label / probability of other) =
    regions' sum + constant = words' sum + constant where there is a word.
    """

    label: str
    other: str
    regions: np.ndarray
    words: np.ndarray
    constant: float
    total: float

    def sentence(self) -> str:
        """How many regions speak for each side, with their sums, and the one that says most."""
        label, leads = class_name(self.label), "leads" if self.total >= 0 else "trails"
        start = (
            f"{label[:1].upper()}{label[1:]} {leads} {class_name(self.other)} by "
            f"{abs(self.total):.2f} of log-odds; {signed(self.constant)} of it is there before anything is seen"
        )
        if not len(self.regions):
            return f"{start}."
        pro, contra = self.regions[self.regions > 0], self.regions[self.regions < 0]
        most = int(np.abs(self.regions).argmax())
        return (
            f"{start}. {counted(len(pro), 'region')} for it add{'s' if len(pro) == 1 else ''} "
            f"{signed(pro.sum())}, {len(contra)} against it {signed(contra.sum())}; region {most + 1} says most "
            f"({signed(self.regions[most])})."
        )


@dataclass(frozen=True)
class Contributions(Plotted):
    """Logits, (classes,), before temperature, and what they are sums of.

    regions: (r, classes), words: (w, classes), constant: (classes,). logits = regions.sum(0) + constant, and =
    words.sum(0) + constant where there is a word; without one, a learned vector stands in for the words and they have
    no share. temperature: the bundle's, by which logits are divided before softmax; `against` does it.
    """

    labels: tuple[str, ...]
    logits: np.ndarray
    regions: np.ndarray
    words: np.ndarray
    constant: np.ndarray
    temperature: float

    def against(self, label: str, other: str | None = None) -> Margin:
        """What speaks for `label` and against `other` (default: the likeliest of the other classes).

        Only differences of logits decide anything: softmax does not see what is added to all of them. Divided by the
        temperature they are log-odds of the calibrated probabilities.
        """
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

    def sentence(self, label: str | None = None) -> str:
        """`Margin.sentence` of `label`, by default the top class, against the likeliest other."""
        return self.against(label or self.labels[int(self.logits.argmax())]).sentence()


def contributions(diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None) -> Contributions:
    """Cut the logits of one case, whatever the unit and the layers; regions as many as the network reads."""
    network = diagnoser.bundle.network
    output = diagnoser.intermediates(regions, metadata)  # the pass of the diagnosis itself, to the last bit
    counts = {"regions": min(len(regions), network.config.n), "words": len(diagnoser.words(metadata))}
    assert output.pooled is not None  # both were asked for
    assert output.contributions is not None
    with torch.inference_mode():
        norm, classifier = network.norm, network.classifier
        gain, shift, weight, bias = (t.double() for t in (norm.weight, norm.bias, classifier.weight, classifier.bias))
        pooled = {side: values[0].double() for side, values in output.pooled.items()}
        tokens = {side: values[0].double() for side, values in output.contributions.items()}
        fused = torch.stack(list(pooled.values())).prod(0)  # (d,)
        deviation = (fused.var(unbiased=False) + norm.eps).sqrt()  # the statistic that is held
        parts = {"words": torch.zeros(0, len(weight), dtype=torch.double)}
        for side, values in tokens.items():
            others = [vector for name, vector in pooled.items() if name != side]
            products = values[: counts[side]] * (others[0] if others else 1.0)  # (tokens, d)
            centred = products - products.mean(-1, keepdim=True)
            parts[side] = (gain * centred / deviation) @ weight.T
        constant = weight @ shift + bias
    return Contributions(
        diagnoser.bundle.labels, output.logits[0].double().numpy(), parts["regions"].numpy(), parts["words"].numpy(),
        constant.numpy(), diagnoser.bundle.temperature,
    )  # fmt: skip
