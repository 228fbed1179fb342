"""The network against numbers worked by hand, against torch's modules, and against what must not change it."""

import math

import pytest
import torch
from torch import nn

from mat_core.errors import ConfigError
from mat_core.models.attention import AttentionBlock, MultiHeadAttention, scaled_dot_product
from mat_core.models.mat import MATConfig, MATNetwork
from mat_core.models.transformer import ATTENTION_MAPS, UNITS

SMALL = {"d": 16, "h": 4, "n": 9, "words": 6, "region_width": 11, "word_width": 5, "vocabulary": 12}
# which maps a unit must hand out: written here again on purpose, from Fig. 3
EXPECTED_MAPS = {
    "base": set(),
    "sa-sa": {"regions_to_regions", "words_to_words"},
    "sa-sga-image": {"regions_to_regions", "words_to_words", "regions_to_words"},
    "sa-sga-text": {"regions_to_regions", "words_to_words", "words_to_regions"},
    "sga-sga": set(ATTENTION_MAPS),
    "image-only": {"regions_to_regions"},
}


def network(unit: str, seed: int = 0, **changes) -> MATNetwork:
    torch.manual_seed(seed)
    model = MATNetwork(MATConfig(unit=unit, **{**SMALL, **changes})).eval()
    if "words" in model.config.modalities:
        nn.init.normal_(model.word_encoder.embedding.weight)
        with torch.no_grad():
            model.word_encoder.embedding.weight[0] = 0
    return model


def inputs(seed: int = 1, regions: int = 9, words: int = 4):
    g = torch.Generator().manual_seed(seed)
    features = torch.randn(3, regions, SMALL["region_width"], generator=g)
    padding = torch.zeros(3, regions, dtype=torch.bool)
    padding[1, regions - 2 :] = True
    ids = torch.zeros(3, SMALL["words"], dtype=torch.int64)
    ids[:, :words] = torch.randint(1, SMALL["vocabulary"], (3, words), generator=g)
    ids[2, 2:] = 0
    return features, padding, ids


# ---- equation 1, by hand


def test_scaled_dot_product_by_hand():
    # one query (2, 0), keys (1, 0) and (0, 1), width 4 padded with zeros: scores 2/2 = 1 and 0
    query = torch.tensor([[[[2.0, 0, 0, 0]]]])
    key = torch.tensor([[[[1.0, 0, 0, 0], [0, 1.0, 0, 0]]]])
    value = torch.tensor([[[[10.0, 0, 0, 0], [0, 10.0, 0, 0]]]])
    output, weights = scaled_dot_product(query, key, value)
    first = math.e / (math.e + 1)
    torch.testing.assert_close(weights, torch.tensor([[[[first, 1 - first]]]]))
    torch.testing.assert_close(output[0, 0, 0, :2], torch.tensor([10 * first, 10 * (1 - first)]))


def test_padded_keys_weigh_nothing_and_a_row_without_keys_is_zero():
    query, key, value = (torch.randn(2, 1, 3, 4) for _ in range(3))
    padding = torch.tensor([[False, True, False], [True, True, True]])
    output, weights = scaled_dot_product(query, key, value, padding)
    assert weights[0, 0, :, 1].eq(0).all()
    torch.testing.assert_close(weights[0].sum(-1), torch.ones(1, 3))
    assert weights[1].eq(0).all()
    assert output[1].eq(0).all()


def test_a_block_by_hand():
    """d = 2, one head, weights chosen so that every number can be followed on paper."""
    block = AttentionBlock(2, 1, 0.0).eval()
    identity, zero = torch.eye(2), torch.zeros(2)
    with torch.no_grad():
        for name in ("query", "key", "value", "output"):
            getattr(block.attention, name).weight.copy_(identity)
            getattr(block.attention, name).bias.copy_(zero)
        block.feed_forward[0].weight.zero_()
        block.feed_forward[0].bias.zero_()
        block.feed_forward[3].bias.copy_(torch.tensor([3.0, 0.0]))  # FFN is the constant (3, 0)
    tokens = torch.tensor([[[1.0, 0.0]]])
    guide = torch.tensor([[[0.0, 4.0]]])  # a single key: its weight is 1, whatever the score
    output, middle, _ = block(tokens, guide)
    # MHA gives (0, 4); (1, 0) + (0, 4) = (1, 4); layer norm of two numbers is (-1, 1)
    torch.testing.assert_close(middle, torch.tensor([[[-1.0, 1.0]]]), atol=1e-4, rtol=0)
    # (-1, 1) + (3, 0) = (2, 1); layer norm: (1, -1)
    torch.testing.assert_close(output, torch.tensor([[[1.0, -1.0]]]), atol=1e-4, rtol=0)


# ---- against torch's own modules


def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    with torch.no_grad():
        parts = (ours.query, ours.key, ours.value)
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in parts]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)


def shaken(module: nn.Module, seed: int = 0) -> nn.Module:
    """Biases and norms away from 0 and 1, or a forgotten one would not be noticed."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=g))
    return module


@pytest.mark.parametrize("unit", UNITS)
def test_the_network_equals_a_composition_of_torchs_modules(unit):
    """Fig. 3 and section 2.3 written down again with torch's modules only."""
    model = shaken(network(unit))
    features, padding, ids = inputs()
    config = model.config

    def attend(block: AttentionBlock, tokens, guide, guide_padding):
        theirs = nn.MultiheadAttention(config.d, config.h, batch_first=True).eval()
        copy_attention(block.attention, theirs)
        attended, weights = theirs(
            tokens, guide, guide, key_padding_mask=guide_padding, average_attn_weights=False
        )  # with the scale of a head's width, not of d
        torch.testing.assert_close(block(tokens, guide, guide_padding, need_weights=True)[2].weights, weights)
        middle = block.attention_norm(tokens + attended)
        hidden = torch.relu(middle @ block.feed_forward[0].weight.T + block.feed_forward[0].bias)
        ffn = hidden @ block.feed_forward[3].weight.T + block.feed_forward[3].bias
        return block.feed_forward_norm(middle + ffn), middle

    guides_regions, guides_words = unit in ("sa-sga-image", "sga-sga"), unit in ("sa-sga-text", "sga-sga")
    x = features @ model.region_projection.weight.T + model.region_projection.bias
    y = word_padding = None
    if unit != "image-only":
        word_padding = ids == 0
        y = model.word_encoder.lstm(model.word_encoder.embedding.weight[ids])[0]
    if unit != "base":
        blocks = model.layers[0]
        x1, x_guide = attend(blocks.self_blocks["regions"], x, x, padding)
        if unit != "image-only":
            y1, y_guide = attend(blocks.self_blocks["words"], y, y, word_padding)
            y = attend(blocks.guided_blocks["words"], y1, x_guide, padding)[0] if guides_words else y1
        x = attend(blocks.guided_blocks["regions"], x1, y_guide, word_padding)[0] if guides_regions else x1

    def pool(side, tokens, pad):
        linear = model.fusion.projections[side][0]
        return (torch.relu(tokens @ linear.weight.T + linear.bias) * (~pad)[..., None]).sum(1)

    z = pool("regions", x, padding)
    if y is not None:
        z = z * pool("words", y, word_padding)
    expected = model.classifier(model.norm(z))
    torch.testing.assert_close(model(features, padding, ids).logits, expected, atol=1e-4, rtol=1e-4)


# ---- maps


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("layers", [1, 2])
def test_every_block_hands_out_its_map(unit, layers):
    model = network(unit, layers=layers)
    features, padding, ids = inputs()
    output = model(features, padding, ids, need_weights=True)
    assert len(output.layers) == (0 if unit == "base" else layers)
    lengths = {"regions": 9, "words": 6}
    masks = {"regions": padding, "words": ids == 0}
    for layer in output.layers:
        assert set(layer) == EXPECTED_MAPS[unit]
        for name, seen in layer.items():
            queries, keys = name.split("_to_")
            assert seen.weights.shape == (3, 4, lengths[queries], lengths[keys])
            torch.testing.assert_close(seen.weights.sum(-1), torch.ones(3, 4, lengths[queries]))
            hidden = masks[keys][:, None, None, :].expand_as(seen.weights)
            assert seen.weights[hidden].eq(0).all()
            assert seen.query.shape == (3, 4, lengths[queries], 4)
            assert seen.key.shape == seen.value.shape == (3, 4, lengths[keys], 4)


def test_only_need_weights_leaves_the_fused_kernel_and_returns_maps(monkeypatch):
    calls, fused = [], nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        nn.functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or fused(*a, **k)
    )
    model, args = network("sga-sga"), inputs()
    output = model(*args, need_weights=True)
    assert not calls
    for side in ("regions", "words"):
        torch.testing.assert_close(output.contributions[side].sum(1), output.pooled[side])
        assert output.contributions[side].ge(0).all()
    output = model(*args)
    assert len(calls) == 4
    assert output.layers is output.pooled is output.contributions is None


@pytest.mark.parametrize("unit", UNITS)
def test_the_unfused_path_permuted_regions_and_missing_words(unit):
    model = network(unit, layers=2)
    features, padding, ids = inputs()
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    before = model(features, padding, ids, need_weights=True)
    after = model(features[:, order], padding[:, order], ids, need_weights=True)
    torch.testing.assert_close(model(features, padding, ids).logits, before.logits)
    torch.testing.assert_close(after.logits, before.logits)
    for old, new in zip(before.layers, after.layers, strict=True):
        for name, seen in old.items():
            queries, keys = name.split("_to_")
            expected = seen.weights[:, :, order] if queries == "regions" else seen.weights
            expected = expected[..., order] if keys == "regions" else expected
            torch.testing.assert_close(new[name].weights, expected)
    for weights in (False, True):  # without any word the answer still depends on the image
        logits = model(features, padding, torch.zeros_like(ids), need_weights=weights).logits
        assert logits.isfinite().all()
        assert not torch.allclose(logits[0], logits[2], atol=1e-4)
    other = ids.clone()
    other[:, 0] = ids[:, 0] % 11 + 1
    assert torch.allclose(before.logits, model(features, padding, other).logits) == (unit == "image-only")


@pytest.mark.parametrize("unit", UNITS)
def test_padding_changes_nothing(unit):
    model = network(unit)
    features, _, ids = inputs(regions=5, words=3)
    ids = ids[:, :3].clamp_min(1)
    bare = model(features, None, ids)
    padded = torch.cat([features, 1e3 * torch.randn(3, 4, SMALL["region_width"])], 1)
    hidden = torch.arange(9).expand(3, 9) >= 5
    more_ids = torch.nn.functional.pad(ids, (0, 3))
    torch.testing.assert_close(model(padded, hidden, more_ids).logits, bare.logits)
    torch.testing.assert_close(model(padded, hidden, more_ids, need_weights=True).logits, bare.logits)


# ---- learning


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_learns_and_every_parameter_gets_a_gradient(unit):
    torch.manual_seed(0)
    model = network(unit, dropout=0.0).train()
    features, ids, target = torch.randn(32, 9, 11), torch.randint(1, 12, (32, 6)), torch.randint(0, 7, (32,))
    ids[0] = 0  # so that the stand-in for absent words is used, too
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-3)
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(features, None, ids).logits, target)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0], losses[::10]
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad != name.endswith("embedding.weight")
        if parameter.requires_grad:
            assert parameter.grad.abs().sum() > 0 or name.endswith("key.bias"), name  # softmax ignores a key's bias


def test_dropout_sits_on_the_map_in_training_only():
    model = network("sga-sga", dropout=0.5)
    args = inputs()
    assert torch.equal(model(*args).logits, model(*args).logits)
    model.train()
    assert not torch.equal(model(*args).logits, model(*args).logits)


# ---- configuration


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"d": 510}, "h must divide d"),
        ({"h": 0}, "h must be a whole number"),
        ({"unit": "sgasga"}, "unit must be one of base"),
        ({"dropout": 1.0}, "dropout"),
        ({"dropout": -0.1}, "dropout"),
        ({"dropout": "a"}, "dropout"),
        ({"layers": 0}, "layers"),
        ({"n": 0}, "n must be"),
        ({"n": 2.5}, "n must be"),
        ({"words": True}, "words"),
        ({"classes": 1}, "classes"),
        ({"vocabulary": 1}, "vocabulary"),
    ],
)
def test_configs_that_cannot_work_are_refused(changes, says):
    with pytest.raises(ConfigError, match=says):
        MATConfig(**changes)


def test_the_papers_values_are_the_defaults():
    config = MATConfig()
    values = (config.d, config.h, config.dropout, config.n, config.words, config.layers, config.classes)
    assert values == (512, 8, 0.1, 100, 10, 1, 7)


@pytest.mark.parametrize("shape", [(3, 9, 10), (3, 10, 11), (3, 0, 11), (9, 11)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ConfigError, match="features must be"):
        network("sga-sga")(torch.randn(shape), None, torch.ones(3, 6, dtype=torch.int64))
    with pytest.raises(ConfigError, match="word_ids must be"):
        network("sga-sga")(torch.randn(3, 9, 11), None, torch.ones(3, 7, dtype=torch.int64))
