"""Lesson values of attention: one weight taken apart, temperature, heads, and who looks at whom.

The query is the word, head and region of the largest single weight of the map words_to_regions.
"""

from ..frontend.translations import region_text, text
from .case_facts import CaseFacts, effective_count
from .value_registry import YES_NO, choice, count, number, share, string

SIDES = {side: text(f"value.{side}") for side in ("self", "guided")}
HEADS = range(1, 17)  # with values of their own; a model may have fewer
TEMPERATURES = {"cold": 0.25, "hot": 4.0}


def query_weight(case: CaseFacts) -> float:
    return float(case.walk["weights"][case.asked[2]])


def query_norm(case: CaseFacts) -> float:
    return float(case.walk["value_norms"][case.asked[2]])


def self_spread(case: CaseFacts) -> float:
    return float(case.spreads("regions_to_regions").mean())


def guided_spread(case: CaseFacts) -> float:
    return float(case.spreads("words_to_regions").mean())


def similarity_before(case: CaseFacts) -> float:
    return case.region_similarity(1)


def similarity_after(case: CaseFacts) -> float:
    return case.region_similarity(-1)


# fmt: off
count("heads.count", "number of heads of a block", lambda case: case.network_config.h)
count("width", "length of a query, key or value in one head",
      lambda case: case.network_config.d // case.network_config.h)
share("even.share", "weight of each region if all were equal", lambda case: 1 / len(case.diagnosis.regions))
string("asked.word", "the word with the largest single weight on a region",
       lambda case: case.diagnosis.words[case.asked[1]].text)
count("asked.head", "the head of that weight", lambda case: case.asked[0] + 1)
count("asked.region", "the region of that weight", lambda case: case.asked[2] + 1)
string("asked.name", "the detector's name for that region",
       lambda case: region_text(case.diagnosis.regions.names[case.asked[2]]))
number("asked.dot", "dot product of its query and key", lambda case: case.walk["dot"])
number("asked.scale", "what the product is divided by", lambda case: case.walk["scale"])
number("asked.score", "the scaled score", lambda case: case.walk["scores"][case.asked[2]])
share("asked.weight", "the weight after softmax", query_weight)
number("asked.norm", "norm of that region's value", query_norm)
number("asked.part", "norm of weight times value", lambda case: query_norm(case) * query_weight(case))
number("asked.spread", "number of regions over which that query spreads",
       lambda case: effective_count(case.heated(1.0)))
share("{}.weight", "the weight at the {} temperature, a quarter or four times the usual one",
      lambda case, of: case.heated(TEMPERATURES[of])[case.asked[2]], each=TEMPERATURES)
number("{}.spread", "number of regions over which the query spreads at the {} temperature",
       lambda case, of: effective_count(case.heated(TEMPERATURES[of])), each=TEMPERATURES)
count("heads.sharpest", "the head whose words spread over the fewest regions",
      lambda case: case.spreads("words_to_regions").argmin() + 1)
number("heads.sharpest.spread", "number of regions over which it spreads",
       lambda case: case.spreads("words_to_regions").min())
count("heads.broadest", "the head whose words spread over the most regions",
      lambda case: case.spreads("words_to_regions").argmax() + 1)
number("heads.broadest.spread", "number of regions over which it spreads",
       lambda case: case.spreads("words_to_regions").max())
count("heads.tops", "number of different regions that are the most attended in some head",
      lambda case: len(set(case.map("words_to_regions").mean(1).argmax(-1).tolist())))
count("head.{}.top_region", "the region that the words attend to most in head {}",
      lambda case, of: case.head_attention(of).argmax() + 1, each=HEADS)
share("head.{}.top_share", "the weight of that region in head {}",
      lambda case, of: case.head_attention(of).max(), each=HEADS)
number("self.spread", "number of regions over which a region spreads", self_spread)
count("self.region", "the region that the regions attend to most",
      lambda case: case.map("regions_to_regions").mean((0, 1)).argmax() + 1)
number("guided.spread", "number of regions over which a word spreads", guided_spread)
count("guided.region", "the region that the words attend to most",
      lambda case: case.map("words_to_regions").mean((0, 1)).argmax() + 1)
choice("narrower", "which of the two spreads over fewer regions",
       lambda case: "self" if self_spread(case) < guided_spread(case) else "guided", SIDES)
number("words.spread", "number of words over which a word spreads", lambda case: case.spreads("words_to_words").mean())
number("back.spread", "number of words over which a region spreads",
       lambda case: case.spreads("regions_to_words").mean())
number("alike.before", "mean cosine similarity of the regions before the blocks", similarity_before)
number("alike.after", "mean cosine similarity of the regions after the last block", similarity_after)
choice("alike.more", "whether they are more similar then",
       lambda case: "yes" if similarity_after(case) > similarity_before(case) else "no", YES_NO)
