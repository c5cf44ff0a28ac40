import numpy as np
from edgecls_device.sources.frozen import KnownPicture, SameWatch, fingerprint

from tests.device.sources.conftest import SOON, watching
from tests.device.sources.http_camera import noisy_jpegs


def test_the_time_of_a_picture_goes_on_while_it_is_exactly_the_same():
    watch = SameWatch()
    picture = np.zeros((32, 32, 3), np.uint8)
    assert [watch.since_ns(picture.copy(), now) for now in (5, 7, 9)] == [5, 5, 5]
    for place in ((0, 0, 0), (31, 30, 2)):  # among the pixels that are sampled, and not
        picture = picture.copy()
        picture[place] += 1
        assert watch.since_ns(picture, 11) == 11
        assert watch.since_ns(picture.copy(), 12) == 11


def test_a_picture_of_another_size_is_another():
    watch = SameWatch()
    watch.since_ns(np.zeros((32, 32, 3), np.uint8), 1)
    assert watch.since_ns(np.zeros((32, 40, 3), np.uint8), 2) == 2


def test_a_known_picture_goes_on_and_another_does_not():
    picture = np.ones((32, 32, 3), np.uint8)
    known = KnownPicture(crc=fingerprint(picture), since_ns=3)
    watch = SameWatch(known)
    assert [watch.since_ns(picture, 50), watch.since_ns(picture, 60)] == [3, 3]
    assert watch.since_ns(picture + 1, 70) == 70
    assert watch.since_ns(picture, 80) == 80
    assert SameWatch(known).since_ns(picture + 1, 90) == 90


def test_a_frozen_picture_is_stale_and_its_source_is_opened_again_but_not_all_the_time(http_camera):
    moving = http_camera.jpegs
    with watching(http_camera.url, frozen_after_s=0.3, timing=SOON) as watched:
        watched.until_frames(5)
        assert not watched.last.is_stale
        http_camera.jpegs = moving[:1]
        watched.until(lambda: watched.source.status.is_stale)
        assert watched.last.is_stale
        assert "exactly the same picture" in watched.source.status.trouble
        watched.until(lambda: watched.source.status.reconnects == 1)
        watched.until_frames(20)
        assert watched.last.is_stale  # the new process knows the picture
        assert watched.source.status.is_stale
        assert watched.source.status.reconnects == 1
        http_camera.jpegs = moving
        watched.until(lambda: not watched.source.status.is_stale)
        assert not watched.last.is_stale
        assert watched.source.status.reconnects == 1


def test_a_frozen_picture_does_not_end_a_run_that_ends_with_its_source(http_camera):
    http_camera.jpegs = noisy_jpegs(1)
    with watching(http_camera.url, frozen_after_s=0.2, give_up_after_s=0) as watched:
        watched.until(lambda: watched.source.status.reconnects == 1)


def test_a_still_but_noisy_scene_is_not_frozen(http_camera):
    with watching(http_camera.url, frozen_after_s=0.1) as watched:
        watched.until_frames(60)
    assert watched.source.status.reconnects == 0
    assert watched.troubles == []
