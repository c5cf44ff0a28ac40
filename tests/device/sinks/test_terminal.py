import io

from edgecls_device.health import StatusBoard
from edgecls_device.results import Decision
from edgecls_device.sinks.columns import columns_of, fit, printable
from edgecls_device.sinks.terminal import PhotoLinesSink, PlainLinesSink
from edgecls_device.sinks.wording import duration, event_words
from edgecls_device.sources.protocol import SourceStatus

from tests.device.sinks.results import event, result


def lines_of(sink_class, *results):
    stream = io.StringIO()
    sink = sink_class(stream)
    for one in results:
        sink.write(one)
    sink.close()
    return stream.getvalue().splitlines()


def test_a_photo_is_one_line_with_its_labels():
    (line,) = lines_of(PhotoLinesSink, result())
    assert line == "photos/a.jpg  cat  75.0 %  (dog 25.0 %)  4.2 ms"


def test_an_unknown_photo_names_what_it_is_nearest_to():
    (line,) = lines_of(PhotoLinesSink, result(is_unknown=True))
    assert "unknown  75.0 %  (cat 75.0 %, dog 25.0 %)" in line


def test_plain_lines_come_once_a_second_and_when_the_label_changes():
    frames = [result(index=i, position_s=i / 8) for i in range(21)]
    frames[15] = result(("dog", 1.0), index=15, position_s=15 / 8)
    lines = lines_of(PlainLinesSink, *frames)
    assert [line.split("  ")[1] for line in lines] == [f"frame {i}" for i in (0, 8, 15, 17)]


def test_a_plain_line_shows_what_is_believed_and_what_else_it_may_be():
    believed = Decision(label="dog", score=0.6, is_unknown=False, held_s=2.0)
    (line,) = lines_of(PlainLinesSink, result(decision=believed, position_s=1.5, is_still=True))
    assert line == "1.50 s  frame 0  dog  60.0 %  (cat 75.0 %)  12.5 fps  still"


def test_events_are_lines_of_their_own_in_the_time_of_the_video():
    stream = io.StringIO()
    sink = PlainLinesSink(stream)
    sink.write(result(position_s=4.6))
    sink.notify(event(), result(position_s=4.6))
    sink.notify(event("left", ended_by="stopped"), None)
    assert stream.getvalue().splitlines()[1:] == [
        "4.60 s  entered cat",
        "4.60 s  left cat after 12 s, peak 98 %, since the run ended",
    ]


def test_a_lost_source_is_said_once_and_so_is_its_return():
    board, stream = StatusBoard(), io.StringIO()
    sink = PlainLinesSink(stream, board=board)
    sink.write(result())
    sink.idle()
    board.note_round(SourceStatus(state="lost", trouble="The camera is gone."), 1, {})
    sink.idle()
    sink.idle()
    sink.write(result(index=1))
    sink.write(result(index=2))
    lines = [line.split("  ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines[1] == "the source is lost: The camera is gone."
    assert lines[2].startswith("the source is back after 0.")
    assert len(lines) == 3


def test_what_a_terminal_would_obey_is_only_shown():
    (line,) = lines_of(PhotoLinesSink, result(("a\x1b[2J\nb\u202ec", 1.0)))
    assert "a\ufffd[2J\ufffdb\ufffdc" in line
    assert printable("Köter 猫 👩\u200d🚀") == "Köter 猫 👩\u200d🚀"


def test_wide_characters_take_two_columns_and_accents_none():
    assert columns_of("猫a") == 3
    assert columns_of("e\u0301") == 1
    assert columns_of("👩\u200d🚀") == 4
    assert fit("猫猫猫", 4) == "猫… "
    assert fit("ab", 4) == "ab  "
    assert fit("ab", 0) == ""


def test_times_are_said_as_people_do():
    seconds = [0.04, 2.44, 12.3, 185, 7830, 270_000]
    words = ["0.0 s", "2.4 s", "12 s", "3 min 5 s", "2 h 10 min", "3 d 3 h"]
    assert [duration(one) for one in seconds] == words
    assert duration(2.44, whole=True) == "2 s"
    assert event_words(event("left")) == "left cat after 12 s, peak 98 %"
