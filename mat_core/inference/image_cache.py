"""Cache of `MATNetwork.encode_image`, so that other metadata for the same image cost less."""

import hashlib
import threading
from collections import OrderedDict

import torch
from torch import Tensor

from ..models.mat import ImageEncoding, MATNetwork


class ImageEncodingCache:
    """LRU cache of at most `size` encodings. Thread-safe; a cached encoding has the same bits as a new one."""

    def __init__(self, size: int):
        self._size = size
        self._lock = threading.Lock()
        self._encodings: OrderedDict[tuple, tuple[MATNetwork, ImageEncoding]] = OrderedDict()

    def get(self, network: MATNetwork, features: Tensor, padding: Tensor) -> ImageEncoding:
        """The encoding of one case for inference; features: (1, n, region_width), padding: (1, n)."""
        key = _key(network, features, padding)
        with self._lock:
            if key in self._encodings and self._encodings[key][0] is network:
                self._encodings.move_to_end(key)
                return self._encodings[key][1]
        with torch.inference_mode():
            encoding = network.encode_image(features, padding)
        with self._lock:
            self._encodings[key] = network, encoding  # a reference to the network keeps its id unique
            while len(self._encodings) > self._size:
                self._encodings.popitem(last=False)
        return encoding


def _key(network: MATNetwork, features: Tensor, padding: Tensor) -> tuple:
    digest = hashlib.blake2b(features.numpy().data, digest_size=16)
    digest.update(padding.numpy().data)
    # the number of threads changes the last bits; weights of a bundle are frozen
    return digest.digest(), tuple(features.shape), id(network), torch.get_num_threads(), network.training
