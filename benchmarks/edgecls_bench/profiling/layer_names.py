"""The layer a tensor comes from, as it was called in Keras.

Converters name tensors by the path of scopes they were computed in, such as
``classifier_1/block0_expand_1/convolution``, and join the names of what they fuse with semicolons. Of such a
path the outer scopes are the model's, the next is the layer, and the last is what the layer computes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["LayerNames", "shortened"]

MOST_CHARACTERS = 40
_SHARED = 0.6  # of the paths begin with a scope that is the model's and no layer's
_COMPUTES = ("convolution", "depthwise", "MatMul")
_NUMBERED = 0.9  # of the layers; runtimes and quantizers add some names of their own
_NUMBER = re.compile(r"_\d+$")
_RUNTIME_SUFFIX = re.compile(
    r"(_kernel_time|_nchwc|_token_\d+|:\d+|_(De)?[qQ]uantize(Linear)?(_\w+)?)$"
)


class LayerNames:
    """Finds layers in the names of one file."""

    def __init__(self, names: Iterable[str]) -> None:
        """Learn the scopes of the model from all of the file's names."""
        paths = [path for name in names for path in _paths(name)]
        self._scopes: list[str] = []
        while (scope := _shared_scope(paths)) is not None:
            self._scopes.append(scope)
            paths = [path[1:] if path[0] == scope else path for path in paths]
        layers = [path[0] for path in paths if len(path) > 1]
        # Keras 3 numbers the scopes of a further trace: the model's ends with _1, a layer's with any number.
        numbered = sum(bool(_NUMBER.search(name)) for name in layers)
        is_traced_again = bool(self._scopes) and self._scopes[0].endswith("_1")
        self._is_numbered = is_traced_again and numbered >= _NUMBERED * len(layers)

    def layer(self, *names: str) -> str:
        """Return the layer of an operation from its names, the likeliest first.

        A name that says what is computed wins over others: of a convolution with its batch norm and its
        activation, it is the convolution that gives the name. Without any the first name is shortened.
        """
        told = [path for name in names for path in map(self._inside, _paths(name)) if len(path) > 1]
        computing = [path for path in told if any(map(_is_computing, path[1:]))]
        for path in (*computing, *told):
            layer = _NUMBER.sub("", path[0]) if self._is_numbered else path[0]
            return shortened(layer)
        return shortened(_bare(names[0])) if names else ""

    def _inside(self, path: Sequence[str]) -> Sequence[str]:
        for scope in self._scopes:
            if len(path) > 1 and path[0] == scope:
                path = path[1:]
        return path


def shortened(name: str) -> str:
    """Return a name of at most 40 characters: its middle is left out."""
    if len(name) <= MOST_CHARACTERS:
        return name
    half = (MOST_CHARACTERS - 3) // 2
    return f"{name[: MOST_CHARACTERS - 3 - half]}...{name[-half:]}"


def _is_computing(scope: str) -> bool:
    return scope.startswith(_COMPUTES)


def _bare(name: str) -> str:
    """Return a name without what runtimes add at its end."""
    while (shorter := _RUNTIME_SUFFIX.sub("", name)) not in {name, ""}:
        name = shorter
    return name


def _paths(name: str) -> list[list[str]]:
    parts = [_bare(part) for part in name.split(";")]
    return [[scope for scope in part.split("/") if scope] for part in parts if part]


def _shared_scope(paths: Sequence[Sequence[str]]) -> str | None:
    """Return what most paths begin with, if it holds more than one layer."""
    deep = [path for path in paths if len(path) > 2]
    if len(deep) < 2:
        return None
    scope, count = Counter(path[0] for path in deep).most_common(1)[0]
    inside = {path[1] for path in deep if path[0] == scope}
    told = sum(len(path) > 1 for path in paths)
    return scope if len(inside) > 1 and count >= _SHARED * told else None
