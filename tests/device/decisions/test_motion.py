import cv2
import numpy as np
import pytest
from edgecls_device.decisions.motion import MotionDetector
from edgecls_device.decisions.settings import MOTION_SHARE
from edgecls_device.errors import FrameError

HEIGHT, WIDTH, FPS = 192, 256, 5


def scene():
    coarse = np.random.default_rng(3).integers(40, 200, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def camera(*, sigma, seconds, change=lambda image, time_s: image):
    """Yield what a webcam sees of a scene: noise of the sensor, then JPEG."""
    rng, base = np.random.default_rng(0), scene()
    for i in range(round(seconds * FPS)):
        image = change(base.copy(), i / FPS)
        noise = rng.normal(0, sigma, image.shape)
        seen = np.clip(image + noise, 0, 255).astype(np.uint8)
        yield cv2.imdecode(cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 1)


def shares(frames):
    detector = MotionDetector()
    return [detector.changed_share(image, 1 / FPS) for image in frames]


@pytest.mark.parametrize("sigma", [0, 2, 4, 6])
def test_a_still_scene_with_sensor_noise_does_not_move(sigma):
    first, *others = shares(camera(sigma=sigma, seconds=6))
    assert first == 1
    assert max(others) < MOTION_SHARE / 2


@pytest.mark.parametrize("levels_a_second", [-2, 1, 2])
def test_light_that_changes_slowly_is_no_motion(levels_a_second):
    def dusk(image, time_s):
        return np.clip(image + levels_a_second * time_s, 0, 255).astype(np.uint8)

    assert max(shares(camera(sigma=4, seconds=10, change=dusk))[1:]) < MOTION_SHARE


def test_exposure_that_is_regulated_by_a_few_levels_is_no_motion():
    def pumping(image, time_s):
        return np.clip(image + 3 * np.sin(time_s * 3), 0, 255).astype(np.uint8)

    assert max(shares(camera(sigma=4, seconds=6, change=pumping))[1:]) < MOTION_SHARE


@pytest.mark.parametrize("sigma", [2, 6])
@pytest.mark.parametrize("area", [0.01, 0.02])
def test_a_small_object_that_moves_is_seen_in_every_frame(sigma, area):
    side = round((area * HEIGHT * WIDTH) ** 0.5)

    def object_moves(image, time_s):
        if time_s >= 2:
            x = round(20 + (time_s - 2) * 40)
            image[90 : 90 + side, x : x + side] //= 2
        return image

    seen = shares(camera(sigma=sigma, seconds=5, change=object_moves))
    assert max(seen[1:10]) < MOTION_SHARE < min(seen[10:])


def test_a_lamp_that_is_switched_on_is_a_change_and_then_the_new_background():
    def lamp(image, time_s):
        return np.clip(image + (40 if time_s >= 2 else 0), 0, 255).astype(np.uint8)

    seen = shares(camera(sigma=3, seconds=10, change=lamp))
    assert seen[10] > 0.5
    assert max(seen[-5:]) < MOTION_SHARE


def test_a_gap_and_another_size_begin_anew():
    detector, image = MotionDetector(), scene()
    assert [detector.changed_share(image, 0.1) for _ in range(2)] == [1, 0]
    assert detector.changed_share(image, 6.0) == 1
    assert detector.changed_share(image[:150], 0.1) == 1
    assert detector.changed_share(image[:150, :, 0], 0.1) == 1


def test_what_is_no_picture_is_refused():
    with pytest.raises(FrameError):
        MotionDetector().changed_share(np.zeros((4, 4, 3), np.float64), 0.1)
