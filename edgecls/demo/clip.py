"""A clip: a hand-held camera over a desk, where sheets come, are drawn on, and go."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.errors import StorageError
from edgecls_device.files import writing
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

from edgecls.data.parallel import cores, each
from edgecls.demo.acts import ACT_S, SLIDE_S, STORY, Act, make_act, on_desk
from edgecls.demo.camera import (
    Lens,
    View,
    desk_view,
    homography,
    look,
    shoot,
)
from edgecls.demo.desk import make_desk
from edgecls.demo.layers import Layer
from edgecls.demo.light import Light, make_light
from edgecls.progress import Advance

__all__ = ["CLIP_FRAMES", "FRAME_RATE", "clip_frames", "write_clip"]

FRAME_RATE = 15.0
CLIP_FRAMES = round(len(STORY) * ACT_S * FRAME_RATE)
SIZE = (480, 640)
_SHUTTER_S = 0.4 / FRAME_RATE
_EXPOSURES = 16  # pictures that make one where something moves


def write_clip(path: Path, *, seed: int, on_progress: Advance | None = None) -> None:
    """Write the clip as Motion JPEG in AVI, whole or not at all.

    Args:
        path: Must end in ``.avi``.
        seed: The same seed gives the same frames.
        on_progress: Called after each of ``CLIP_FRAMES`` frames.

    Raises:
        StorageError: If it cannot be written.
    """
    code = cv2.VideoWriter.fourcc(*"MJPG")
    with writing(path) as temporary:
        name, size = str(temporary), (SIZE[1], SIZE[0])
        writer = cv2.VideoWriter(name, cv2.CAP_FFMPEG, code, FRAME_RATE, size)
        try:
            if not writer.isOpened():
                message = f"Cannot write {str(path)!r}: OpenCV opens no Motion JPEG writer."
                raise StorageError(message, hint="the clip needs OpenCV with FFmpeg")
            for frame in clip_frames(seed):
                writer.write(frame)
                if on_progress is not None:
                    on_progress()
        finally:
            writer.release()


def clip_frames(seed: int) -> Iterator[Frame]:
    """Yield every frame of the clip, BGR uint8 of 480x640."""
    rng = np.random.default_rng([seed, len(STORY)])
    desk, light = make_desk(rng, kind="wood"), make_light(rng, with_hand=False)
    acts = [make_act(label, rng, is_drawn_live=is_live) for label, is_live in STORY]
    sway = rng.uniform(0, 2 * np.pi, 5)
    bright = replace(light, field=light.field * np.float32(1.05 / light.field.max()))
    lens = Lens(defocus=0.7, noise=3.0)

    def render(index: int) -> Frame:
        scene = _exposed(index / FRAME_RATE, desk, bright, acts, sway)
        return shoot(scene, lens, np.random.default_rng([seed, len(STORY), index]))

    for _, frame in each(render, range(CLIP_FRAMES), threads=cores()):
        yield frame


def _exposed(
    time_s: float, desk: Layer, light: Light, acts: Sequence[Act], sway: NDArray[np.float64]
) -> Layer:
    """Return what the sensor gathers while the shutter is open: a mean over time where a sheet slides."""
    within = time_s % ACT_S
    moments = [time_s]
    if within < SLIDE_S or within > ACT_S - SLIDE_S:
        moments = [time_s + _SHUTTER_S * i / _EXPOSURES for i in range(_EXPOSURES)]
    pictures = []
    for moment in moments:
        view = _view(moment, sway)
        sheets = [
            (sheet, homography(view) @ to_desk)
            for sheet, to_desk in on_desk(acts, time_s, moment_s=moment)
        ]
        pictures.append(look(desk, sheets, homography(desk_view(view)), light, SIZE))
    mean: Layer = np.mean(pictures, axis=0, dtype=np.float32)
    return mean


def _view(time_s: float, sway: NDArray[np.float64]) -> View:
    """Hold the camera by hand: slow drift and a little tremor. Its target is the origin of the desk."""
    speeds = (0.9, 1.3, 0.6, 1.1, 7.3)
    drift = [math.sin(speed * time_s + begin) for speed, begin in zip(speeds, sway, strict=True)]
    return View(
        size=SIZE,
        target=(0.0, 0.0),
        at=(0.5 + 0.02 * drift[0] + 0.002 * drift[4], 0.42 + 0.02 * drift[1]),
        scale=0.84 + 0.04 * drift[2],
        turn=0.05 * drift[3],
        tilt=0.34 + 0.07 * drift[1],
        tilt_from=0.25 * drift[0],
    )
