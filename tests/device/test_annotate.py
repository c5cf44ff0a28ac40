import numpy as np
import pytest
from edgecls_device import drawn_text
from edgecls_device.annotate import annotate

from tests.device.sinks.results import prediction


@pytest.mark.parametrize("size", [(1, 1), (48, 64), (480, 640), (1000, 300), (20, 2000)])
def test_a_picture_of_any_size_is_annotated_on_a_copy(size):
    image = np.full((*size, 3), 200, np.uint8)
    drawn = annotate(
        image, prediction(("猫 <b>", 0.9), ("x" * 100, 0.1)), frames_per_second=9, note="n"
    )
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
