"""A task for tests: it counts bytes, and does what a photo's text says."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import ArtifactError, DataError

from edgecls.scale.piece import Piece
from edgecls.scale.task import Column

NO_MODEL = "Expected a model, got none."
BAD_MODEL = "Expected a model that works, got NaN."
NOT_ALONE = "Expected no other worker at work, got one."
NOT_COME = "Expected a file to come, got none."
NO_PHOTO = "Expected a photo, got nonsense."


@dataclass(frozen=True, kw_only=True, slots=True)
class TinyTask:
    """Counts bytes; ``scratch`` holds what a photo that says "die once" leaves behind."""

    scratch: str = ""
    fingerprint: str = "1"
    cannot_open: bool = False
    is_immortal: bool = False
    name: str = "tiny"

    @property
    def columns(self):
        return (
            Column(name="label", type="string"),
            Column(name="size", type="int64"),
            Column(name="vector", type="list<float32>"),
        )

    def open(self):
        if self.cannot_open:
            raise ArtifactError(NO_MODEL, hint="export it again")
        return TinyLooker(Path(self.scratch), self.is_immortal)


class TinyLooker:
    def __init__(self, scratch, is_immortal):
        self.scratch, self.is_immortal = scratch, is_immortal

    def look(self, photo):
        text = photo.data.decode()
        if text == "broken":
            raise DataError(NO_PHOTO)
        if text == "no model":
            raise ArtifactError(BAD_MODEL, hint="export it again")
        if text == "defect":
            {}["surprise"]
        if text == "die" or (
            text == "die once" and not self.is_immortal and self._first(photo.key)
        ):
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "wait":
            time.sleep(3600)
        if text.startswith("wait for "):
            self._wait_for(text.removeprefix("wait for "))
        if text == "be alone":
            self._be_alone()
        return {"label": photo.label, "size": len(text), "vector": [0.5, len(text)]}

    def close(self):
        pass

    def _wait_for(self, name):
        deadline = time.monotonic() + 300
        while not self.is_immortal and not (self.scratch / name).exists():
            if time.monotonic() > deadline:
                raise ArtifactError(NOT_COME)
            time.sleep(0.02)

    def _be_alone(self):
        mark = self.scratch / "somebody"
        try:
            mark.touch(exist_ok=False)
        except FileExistsError as error:
            raise ArtifactError(NOT_ALONE) from error
        time.sleep(0.5)
        mark.unlink()

    def _first(self, key):
        mark = self.scratch / key.replace("/", "-")
        if mark.exists():
            return False
        mark.touch()
        return True


def write_pieces(folder, texts, per_piece=4):
    """Write a "photo" for each text, and return the pieces that hold them."""
    names = [f"ab/{i:05d}.jpg" for i in range(len(texts))]
    (folder / "ab").mkdir(parents=True)
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_text(text)
    return tuple(
        Piece(
            index=i,
            kind="files",
            location=str(folder),
            files=tuple((name, "ab") for name in names[start : start + per_piece]),
            photos=len(names[start : start + per_piece]),
        )
        for i, start in enumerate(range(0, len(names), per_piece))
    )
