"""How a camera sees the desk: where it is held, its lens and its sensor."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.opencv import cv2
from numpy.typing import NDArray

from edgecls.demo.desk import DESK_PX
from edgecls.demo.layers import Layer, enlarged
from edgecls.demo.light import Light
from edgecls.demo.paper import Sheet

__all__ = ["Lens", "View", "desk_view", "homography", "look", "shoot"]

_FOCAL = 1.15  # focal length in units of the frame's width; about that of a webcam


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """How a camera is held over a sheet.

    Attributes:
        size: Height and width of the frame in pixels.
        target: The point of the sheet, x and y in its pixels, that the camera looks at.
        at: Where that point is in the frame, x and y as shares of its size.
        scale: Pixels of the frame per pixel of the sheet, at the target.
        turn: Turn in the plane of the sheet, radians.
        tilt: Angle between the line of sight and the upright, radians.
        tilt_from: From which side it looks, radians.
    """

    size: tuple[int, int]
    target: tuple[float, float]
    at: tuple[float, float] = (0.5, 0.5)
    scale: float
    turn: float = 0.0
    tilt: float = 0.0
    tilt_from: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Lens:
    """What lens, sensor and encoder do.

    Attributes:
        defocus: Deviation of the blur in pixels.
        smear: Length of the motion blur in pixels.
        smear_angle: Its direction, radians.
        noise: Deviation of the sensor's noise, in grey levels.
    """

    defocus: float = 0.6
    smear: float = 0.0
    smear_angle: float = 0.0
    noise: float = 3.0


def homography(view: View) -> NDArray[np.float64]:
    """Return the 3x3 matrix from pixels of the sheet to pixels of the frame.

    It is that of a pinhole camera that turns about its target (Hartley and Zisserman, 2004, section 8.1).
    """
    height, width = view.size
    focal = _FOCAL * width
    cosine, sine = np.cos(view.turn), np.sin(view.turn)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    axis = np.array([np.cos(view.tilt_from), np.sin(view.tilt_from), 0])
    cross = np.array([[0, 0, axis[1]], [0, 0, -axis[0]], [-axis[1], axis[0], 0]])
    tilt = np.eye(3) + np.sin(view.tilt) * cross + (1 - np.cos(view.tilt)) * cross @ cross
    rotation = tilt @ turn
    to_target = np.array([[1, 0, -view.target[0]], [0, 1, -view.target[1]], [0, 0, 1]])
    plane = np.stack([rotation[:, 0], rotation[:, 1], [0, 0, focal / view.scale]], axis=1)
    center = (width * view.at[0], height * view.at[1])
    project = np.array([[focal, 0, center[0]], [0, focal, center[1]], [0, 0, 1]])
    matrix: NDArray[np.float64] = project @ plane @ to_target
    matrix /= matrix[2, 2]
    return matrix


def look(
    desk: Layer,
    sheets: Sequence[tuple[Sheet, NDArray[np.float64]]],
    desk_matrix: NDArray[np.float64],
    light: Light,
    size: tuple[int, int],
) -> Layer:
    """Return what is before the lens: the desk, sheets on it in order, and the light on them.

    Args:
        desk: Its texture.
        sheets: Each sheet with the matrix from its pixels to those of the frame.
        desk_matrix: The matrix from pixels of the desk's texture to those of the frame.
        light: The light.
        size: Height and width of the frame.

    Returns:
        Shape ``(*size, 3)``, float32, BGR, about 0..255.
    """
    columns_rows = (size[1], size[0])
    scene: Layer = _warped(desk, desk_matrix, size, cv2.BORDER_REFLECT_101).astype(np.float32)
    for sheet, matrix in sheets:
        cover = np.asarray(cv2.warpPerspective(sheet.cover, matrix, columns_rows), np.uint8)
        if not cover.any():
            continue
        color = _warped(sheet.color, matrix, size, cv2.BORDER_REPLICATE)
        if not cover.all():
            scene *= 1 - 0.45 * _shadow_of(cover, light.paper_shadow)[:, :, np.newaxis]
        opacity = cv2.merge([cover.astype(np.float32) / 255] * 3)
        scene *= 1 - opacity
        cv2.add(scene, cv2.multiply(color, opacity, dtype=cv2.CV_32F), dst=scene)
    scene *= enlarged(light.field, size)
    return scene


def shoot(scene: Layer, lens: Lens, rng: np.random.Generator) -> Frame:
    """Return the frame that a camera gives of a scene: blurred, noisy, clipped to uint8."""
    if lens.smear >= 1.5:
        kernel = _smear_kernel(lens.smear, lens.smear_angle)
        scene = np.asarray(cv2.filter2D(scene, -1, kernel), np.float32)
    if lens.defocus >= 0.3:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), lens.defocus), np.float32)
    size = (scene.shape[0], scene.shape[1])
    luma = _cut_noise(size, rng)
    chroma = cv2.merge([_cut_noise((size[0] // 3, size[1] // 3), rng) for _ in range(3)])
    noise = cv2.resize(chroma, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    noise = cv2.addWeighted(noise, 0.8 * lens.noise, cv2.merge([luma] * 3), lens.noise, 0)
    return np.asarray(cv2.add(scene, noise, dtype=cv2.CV_8U), np.uint8)  # rounds and saturates


def desk_view(view: View) -> View:
    """Return the view of the desk's texture that belongs to a view of what lies on it."""
    return replace(view, target=(DESK_PX / 2, DESK_PX / 2))


@lru_cache(maxsize=1)
def _noise() -> Layer:
    return np.random.default_rng(0).standard_normal((720, 960), np.float32)


def _cut_noise(size: tuple[int, int], rng: np.random.Generator) -> Layer:
    """Return noise of deviation 1, cut out anywhere of a larger piece: drawing it anew takes too long."""
    rows, columns = _noise().shape
    top, left = int(rng.integers(rows - size[0])), int(rng.integers(columns - size[1]))
    return _noise()[top : top + size[0], left : left + size[1]]


def _warped(
    color: Layer, matrix: NDArray[np.float64], size: tuple[int, int], border: int
) -> NDArray[np.uint8]:
    """Return a picture in perspective, as uint8, which is several times faster."""
    exact = cv2.convertScaleAbs(color)
    warped = cv2.warpPerspective(exact, matrix, (size[1], size[0]), borderMode=border)
    return np.asarray(warped, np.uint8)


def _shadow_of(cover: NDArray[np.uint8], offset: tuple[float, float]) -> Layer:
    height, width = cover.shape
    scale = width / 640
    move = np.array([[0.25, 0, offset[0] * scale / 4], [0, 0.25, offset[1] * scale / 4]])
    small = cv2.warpAffine(cover, move, (width // 4, height // 4), flags=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(small, (0, 0), max(1.6 * scale, 0.8)).astype(np.float32) / np.float32(
        255
    )
    return enlarged(np.asarray(soft, np.float32), (height, width))


def _smear_kernel(length: float, angle: float) -> Layer:
    side = int(np.ceil(length)) | 1
    kernel = np.zeros((side, side), np.uint8)
    half = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
    center = np.array([side // 2, side // 2])
    cv2.line(kernel, _pixel(center - half), _pixel(center + half), 255, 1, cv2.LINE_AA)
    result: Layer = kernel.astype(np.float32) / np.float32(kernel.sum())
    return result


def _pixel(point: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
