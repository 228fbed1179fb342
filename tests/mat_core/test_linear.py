"""The linear layer is torch's, packed or not."""

import copy
import pickle

import pytest
import torch
from torch import nn

from mat_core import linear
from mat_core.linear import ROWS, Linear


@pytest.fixture
def pair() -> tuple[Linear, nn.Linear]:
    torch.manual_seed(0)
    ours, theirs = Linear(48, 20), nn.Linear(48, 20)
    theirs.load_state_dict(ours.state_dict())
    return ours.eval(), theirs.eval()


def check(ours: Linear, theirs: nn.Linear, x: torch.Tensor) -> None:
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (ROWS - 1,), (ROWS,), (7, 30), (2, 3, 40), (0,)])
def test_the_same_product(pair, shape):
    x = torch.randn(*shape, 48)
    check(*pair, x)
    with torch.inference_mode():
        torch.testing.assert_close(pair[0].product(x), nn.functional.linear(x, pair[1].weight), rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(not linear.CAN_PACK, reason="torch has no packed product on this machine")
def test_a_copy_is_packed_for_many_rows_alone(pair):
    with torch.inference_mode():
        pair[0](torch.randn(ROWS - 1, 48))
        assert pair[0]._packed is None
        pair[0](torch.randn(ROWS, 48))
        first = pair[0]._packed
        pair[0](torch.randn(ROWS, 48))
        assert first is not None
        assert pair[0]._packed is first  # made once


def test_other_weights_are_seen(pair):
    ours, theirs = pair
    x = torch.randn(ROWS, 48)
    check(ours, theirs, x)
    for change in (
        lambda layer: nn.init.constant_(layer.weight, 0.5),  # in place
        lambda layer: layer.load_state_dict({"weight": torch.full((20, 48), 0.1), "bias": torch.ones(20)}),
        lambda layer: setattr(layer, "weight", nn.Parameter(torch.full((20, 48), 0.2))),
        lambda layer: layer.double().float(),
    ):
        change(ours)
        change(theirs)
        check(ours, theirs, x)


def test_where_something_learns_it_is_torchs_own(pair):
    ours, theirs = pair
    x = torch.randn(ROWS, 48)
    assert torch.equal(ours(x), theirs(x))
    ours(x).sum().backward()
    theirs(x).sum().backward()
    assert torch.equal(ours.weight.grad, theirs.weight.grad)


def test_other_types_and_autocast_are_torchs_own(pair):
    ours, theirs = pair
    x = torch.randn(ROWS, 48)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16
        assert torch.equal(ours(x), theirs(x))
    with torch.inference_mode():
        assert torch.equal(ours.double()(x.double()), theirs.double()(x.double()))


def test_it_is_saved_copied_and_pickled_as_torchs(pair):
    ours, theirs = pair
    x = torch.randn(ROWS, 48)
    check(ours, theirs, x)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), Linear.of(theirs.weight, theirs.bias)):
        assert other._packed is None
        check(other, theirs, x)


def test_without_the_operators_torchs_own_stands_in(pair, monkeypatch):
    monkeypatch.setattr(linear, "CAN_PACK", False)
    x = torch.randn(ROWS, 48)
    with torch.inference_mode():
        assert torch.equal(pair[0](x), pair[1](x))
    assert pair[0]._packed is None


def test_the_same_random_numbers_are_drawn():
    torch.manual_seed(3)
    theirs = nn.Linear(5, 4)
    torch.manual_seed(3)
    assert torch.equal(Linear(5, 4).weight, theirs.weight)
    state = torch.get_rng_state()
    Linear.of(theirs.weight, theirs.bias)
    assert torch.equal(torch.get_rng_state(), state)
