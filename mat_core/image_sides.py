"""The image's side of the network for the last few images: other words on a known image meet what is already there."""

import hashlib
import threading
from collections import OrderedDict

import torch
from torch import Tensor

from .network import ImageSide, MATNetwork


class ImageSides:
    """Remembers `MATNetwork.image_side`. Safe to ask from several threads; an answer never depends on what was asked
    before: what is remembered has the very bits that computing it again would give.
    """

    def __init__(self, most: int):
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple, tuple[MATNetwork, ImageSide]] = OrderedDict()

    def of(self, network: MATNetwork, features: Tensor, padding: Tensor) -> ImageSide:
        """The image's side of one case; features: (1, n, region_width), padding: (1, n). For inference alone."""
        key = _key(network, features, padding)
        with self._lock:
            if key in self._known and self._known[key][0] is network:
                self._known.move_to_end(key)
                return self._known[key][1]
        with torch.inference_mode():
            side = network.image_side(features, padding)
        with self._lock:
            self._known[key] = network, side  # held, so that no other network can have its id
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return side


def _key(network: MATNetwork, features: Tensor, padding: Tensor) -> tuple:
    digest = hashlib.blake2b(features.numpy().data, digest_size=16)
    digest.update(padding.numpy().data)
    # weights may be changed in place, and another number of threads gives other last bits
    weights = tuple((id(w), 0 if w.is_inference() else w._version) for w in network.parameters())
    return digest.digest(), tuple(features.shape), hash(weights), torch.get_num_threads(), network.training
