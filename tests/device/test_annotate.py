import numpy as np
import pytest
from edgecls_device import drawn_text
from edgecls_device.annotate import AMBER, GREEN, annotate
from edgecls_device.results import Decision

from tests.device.sinks.results import result


@pytest.mark.parametrize("size", [(1, 1), (48, 64), (480, 640), (1000, 300), (20, 2000)])
def test_a_picture_of_any_size_is_annotated_on_a_copy(size):
    image = np.full((*size, 3), 200, np.uint8)
    drawn = annotate(result(("猫 <b>", 0.9), ("x" * 100, 0.1), image=image), note="a note")
    assert drawn.dtype == np.uint8
    assert (image == 200).all()
    assert (drawn != 200).any()
    assert min(drawn.shape[:2]) >= min(240, *size)


def test_text_is_cut_to_its_room():
    text = drawn_text.fit_text("a long label that does not fit", 20, 100)
    assert text.endswith("...")
    assert drawn_text.text_width(text, 20) <= 100


def test_an_older_opencv_gets_plain_letters(monkeypatch):
    assert drawn_text.plain_letters("Köter ß 猫") == "Koter ss ?"
    monkeypatch.setattr(drawn_text, "_has_unicode", lambda: False)
    image = np.zeros((40, 200, 3), np.uint8)
    drawn_text.draw_text(image, "Köter", (5, 30), 24, (255, 255, 255))
    assert image.any()


def has_color(image, color):
    return bool((image == color).all(axis=2).any())


def test_the_bar_of_what_is_believed_is_the_green_one():
    image = np.zeros((480, 640, 3), np.uint8)
    believed = Decision(label="dog", score=0.9, is_unknown=False, held_s=1.0)
    items = (("cat", 0.75), ("dog", 0.25))
    both = [
        annotate(result(*items, image=image)),
        annotate(result(*items, image=image, decision=believed)),
    ]
    assert has_color(both[0], GREEN)
    assert has_color(both[1], GREEN)
    assert (both[0] != both[1]).any()
    unknown = annotate(result(*items, image=image, is_unknown=True))
    assert has_color(unknown, AMBER)
    assert not has_color(unknown, GREEN)


def test_a_read_only_frame_can_be_annotated():
    image = np.full((480, 640, 3), 100, np.uint8)
    image.setflags(write=False)
    assert annotate(result(image=image, is_stale=True), has_rate=False).flags.writeable
