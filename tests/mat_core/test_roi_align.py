"""RoIAlign as weighted sums of pixels is torchvision's."""

import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign

from mat_core.models.detection.roi_align import FastRoIAlign

SIZE = (96, 128)  # of the images, height and width
EDGES = torch.tensor(
    [
        [0.0, 0.0, 128.0, 96.0],  # all of it: on the largest level
        [127.0, 95.0, 128.0, 96.0],  # a corner
        [10.0, 20.0, 10.1, 20.1],  # narrower than a pixel of any map
        [-300.0, -200.0, -290.0, -190.0],  # outside: torchvision gives zeros
        [100.0, 80.0, 400.0, 300.0],  # over the edge
        [16.0, 16.0, 80.0, 80.0],
    ]
)


def maps(levels: int, images: int, width: int = 6) -> dict[str, torch.Tensor]:
    return {
        str(i): torch.randn(images, width, SIZE[0] // 8 // 2**i, SIZE[1] // 8 // 2**i).contiguous(
            memory_format=torch.channels_last
        )
        for i in range(levels)
    }


def some(count: int) -> torch.Tensor:
    corner = torch.rand(count, 2) * torch.tensor([120.0, 90.0])
    return torch.cat([corner, corner + 0.5 + torch.rand(count, 2) ** 3 * 300], 1)


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("counts", [(40,), (7, 0, 30), (0,), (0, 0)])
@pytest.mark.parametrize(("pool", "ratio"), [(5, 2), (7, 1), (1, 3)])
def test_it_is_torchvisions(levels, counts, pool, ratio):
    torch.manual_seed(levels)
    names, given = [str(i) for i in range(levels)], maps(levels, len(counts))
    # boxes up to the image's double, so that every level is asked
    boxes = [torch.cat([some(count), EDGES]) if count else torch.empty(0, 4) for count in counts]
    sizes = [SIZE] * len(counts)
    ours, theirs = (kind(names, pool, ratio, canonical_scale=64) for kind in (FastRoIAlign, MultiScaleRoIAlign))
    with torch.inference_mode():
        found, wanted = ours(given, boxes, sizes), theirs(given, boxes, sizes)
        assert found.shape == wanted.shape == (sum(map(len, boxes)), 6, pool, pool)
        if levels == 3 and any(counts):
            assert set(ours.map_levels(boxes).tolist()) == {0, 1, 2}
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
        assert torch.equal(ours(given, boxes, sizes), found)  # the first call finds the levels, and pools alike


def test_what_learns_goes_through_torchvision():
    torch.manual_seed(0)
    names, given, boxes = ["0", "1"], maps(2, 1), [some(9)]
    given["0"].requires_grad_()
    ours, theirs = (kind(names, 5, 2) for kind in (FastRoIAlign, MultiScaleRoIAlign))
    assert torch.equal(ours(given, boxes, [SIZE]), theirs(given, boxes, [SIZE]))
    ours(given, boxes, [SIZE]).sum().backward()
    assert given["0"].grad.abs().sum() > 0
