import io
import json
import os
import subprocess
import sys

from edgecls_device.records import from_json
from edgecls_device.results import Decision, Event
from edgecls_device.sinks.json_lines import JsonLinesSink

from tests.device.sinks.results import event, result


def lines_of(*calls):
    stream = io.StringIO()
    sink = JsonLinesSink(stream)
    for call in calls:
        call(sink)
    sink.close()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_is_one_object_a_frame():
    one = result(("Köter", 1.0), index=7, position_s=0.7)
    (record,) = lines_of(lambda sink: sink.write(one))
    assert (record["frame"], record["label"], record["score"]) == (7, "Köter", 1.0)
    assert (record["position_s"], record["time"]) == (0.7, "2023-11-14T22:13:20.500Z")
    assert (record["preprocess_ms"], record["inference_ms"], record["age_ms"]) == (0.25, 4.0, 5.0)
    assert record["top"] == [{"label": "Köter", "score": 1.0, "class_id": 0}]
    assert (record["width"], record["height"]) == (64, 48)


def test_json_says_what_is_believed_beside_what_one_frame_says():
    believed = Decision(label="dog", score=0.61234567, is_unknown=False, held_s=2.00049)
    one = result(decision=believed, is_still=True, is_stale=True)
    (record,) = lines_of(lambda sink: sink.write(one))
    assert record["label"] == "cat"
    assert record["decision"] == {
        "label": "dog",
        "score": 0.612346,
        "is_unknown": False,
        "held_s": 2.0,
    }
    assert (record["is_still"], record["is_stale"]) == (True, True)


def test_an_event_is_a_line_of_its_own_kind():
    left = event("left")
    (record,) = lines_of(lambda sink: sink.notify(left, result()))
    assert (record["kind"], record["change"], record["label"]) == ("edgecls.event", "left", "cat")
    assert (record["duration_s"], record["peak_score"]) == (12.0, 0.98)
    assert from_json(Event, json.dumps(record), name="a line") == left


ANY_LABEL = """
import sys
from edgecls_device.sinks.json_lines import JsonLinesSink
from tests.device.sinks.results import event, result
sink = JsonLinesSink(sys.stdout)
for label in ("猫\\nx", "<script>", "\\udc80", "\\0"):
    sink.write(result((label, 1.0)))
    sink.notify(event(label=label), None)
"""


def test_any_label_is_one_line_of_utf8_whatever_the_locale():
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", ANY_LABEL], capture_output=True, env=environment, check=True
    )
    records = [json.loads(line) for line in done.stdout.decode().splitlines()]
    labels = ["猫\nx", "<script>", "\udc80", "\0"]
    assert [record["label"] for record in records] == [x for x in labels for _ in range(2)]
