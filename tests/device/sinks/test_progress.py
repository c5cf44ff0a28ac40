import io

from edgecls_device.sinks import progress
from edgecls_device.sinks.progress import ProgressSink, progress_words

from tests.device.sinks.results import SUMMARY, result


def test_progress_says_how_far_how_fast_and_how_long():
    text = progress_words(1240, 3600, 10.5)
    assert text == " 34 %  1240 of 3600 frames  118.1 a second  20 s left"
    assert progress_words(12, 10, 1.0).startswith("100 %  12 of 10 frames")
    assert progress_words(1, 10, 0.0).endswith("? left")


def test_the_line_is_drawn_over_itself_and_taken_away(monkeypatch):
    monkeypatch.setattr(progress, "FIRST_S", 0.0)
    monkeypatch.setattr(progress, "REDRAW_S", 0.0)
    stream = io.StringIO()
    sink = ProgressSink(stream, total=3)
    for index in range(3):
        sink.write(result(index=index))
    sink.finish(SUMMARY)
    sink.close()
    drawn = stream.getvalue().split("\r")
    assert drawn[1].startswith(" 33 %  1 of 3 frames")
    assert drawn[3].startswith("100 %  3 of 3 frames")
    assert drawn[4:] == ["\x1b[K"]
    assert "\n" not in stream.getvalue()


def test_what_is_done_within_a_second_shows_no_progress():
    stream = io.StringIO()
    sink = ProgressSink(stream, total=3)
    sink.write(result())
    sink.close()
    assert stream.getvalue() == ""
