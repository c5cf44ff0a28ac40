"""Features out of a part in memory. A leaf: it imports pyarrow."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from edgecls.scale.part import Part

__all__ = ["FoundVector", "read_vectors"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundVector:
    """What became of one photo.

    Attributes:
        key: What it is called.
        content_hash: SHA-256 of the file as hex; empty if there is an error.
        vector: Its features, shape ``(features,)``, float32; none if there is an error.
        error: Why there are none.
    """

    key: str
    content_hash: str
    vector: NDArray[np.float32]
    error: str


def read_vectors(part: Part) -> Iterator[FoundVector]:
    """Yield the rows of a part that a :class:`~edgecls.scale.features_task.FeaturesTask` made."""
    table = pq.read_table(BytesIO(part.data), columns=["key", "content_hash", "vector", "error"])
    for key, content_hash, vector, error in zip(*table.columns, strict=True):
        yield FoundVector(
            key=key.as_py(),
            content_hash=content_hash.as_py() or "",
            vector=np.array(vector.values if vector.is_valid else [], np.float32),
            error=error.as_py() or "",
        )
