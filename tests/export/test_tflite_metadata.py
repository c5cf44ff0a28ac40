"""The metadata is read back by walking the flatbuffer by hand, slot by slot of metadata_schema.fbs."""

import io
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from edgecls_device.artifact import TFLITE_SPEC_FILE
from edgecls_device.postprocessing import apply_temperature
from edgecls_device.records import to_json
from edgecls_device.spec import Group

from tests.export.tiny import HEIGHT, LABELS, SPEC, WIDTH, pictures

pytest.importorskip("tensorflow")


def raw_threshold(spec):
    from edgecls_export.tflite_metadata import raw_threshold

    return raw_threshold(spec)


@pytest.fixture(scope="module")
def data(frozen):
    from edgecls_export.tflite_exporters import to_float32
    from edgecls_export.tflite_metadata import embed_spec

    return embed_spec(to_float32(frozen, pictures(1)[:0]).data, SPEC)


class Table:
    """A flatbuffer table: https://flatbuffers.dev/internals."""

    def __init__(self, data, position):
        self.data, self.position = data, position

    @classmethod
    def root(cls, data):
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def _field(self, slot):
        vtable = self.position - struct.unpack_from("<i", self.data, self.position)[0]
        size = struct.unpack_from("<H", self.data, vtable)[0]
        at = 4 + 2 * slot
        offset = struct.unpack_from("<H", self.data, vtable + at)[0] if at < size else 0
        return self.position + offset if offset else None

    def _target(self, slot):
        field = self._field(slot)
        return None if field is None else field + struct.unpack_from("<I", self.data, field)[0]

    def number(self, slot, form="b"):
        field = self._field(slot)
        return 0 if field is None else struct.unpack_from(f"<{form}", self.data, field)[0]

    def table(self, slot):
        return Table(self.data, self._target(slot))

    def text(self, slot):
        start = self._target(slot)
        length = struct.unpack_from("<I", self.data, start)[0]
        return self.data[start + 4 : start + 4 + length].decode()

    def tables(self, slot):
        start = self._target(slot)
        if start is None:
            return []
        places = [start + 4 + 4 * i for i in range(struct.unpack_from("<I", self.data, start)[0])]
        return [Table(self.data, p + struct.unpack_from("<I", self.data, p)[0]) for p in places]

    def floats(self, slot):
        start = self._target(slot)
        return struct.unpack_from(
            f"<{struct.unpack_from('<I', self.data, start)[0]}f", self.data, start + 4
        )


@pytest.fixture
def metadata(data):
    model = Table.root(data)
    entries = {entry.text(0): entry.number(1, "I") for entry in model.tables(6)}
    buffer = model.tables(4)[entries["TFLITE_METADATA"]]
    start = buffer._target(0)
    content = data[start + 4 : start + 4 + struct.unpack_from("<I", data, start)[0]]
    assert content[4:8] == b"M001"
    return Table.root(content)


def test_it_says_what_the_model_is(metadata):
    assert metadata.text(0) == "tiny"
    assert "4 classes" in metadata.text(1)
    assert metadata.text(7) == "1.0.0"
    assert [file.text(0) for file in metadata.tables(6)] == [TFLITE_SPEC_FILE]


def test_the_input_is_an_rgb_image_that_needs_no_normalization(metadata):
    (image,) = metadata.tables(3)[0].tables(2)
    content = image.table(3)
    assert image.text(0) == "image"
    assert content.number(0, "B") == 2  # ImageProperties
    assert content.table(1).number(0) == 1  # RGB
    size = content.table(1).table(1)
    assert (size.number(0, "I"), size.number(1, "I")) == (WIDTH, HEIGHT)
    (unit,) = image.tables(4)
    assert unit.number(0, "B") == 1  # NormalizationOptions
    assert (unit.table(1).floats(0), unit.table(1).floats(1)) == ((0.0,), (1.0,))
    assert (image.table(5).floats(0), image.table(5).floats(1)) == ((255.0,), (0.0,))


def test_the_output_is_a_probability_for_each_label(metadata):
    (output,) = metadata.tables(3)[0].tables(3)
    assert output.text(0) == "probability"
    assert output.table(3).number(0, "B") == 1  # FeatureProperties
    assert (output.table(5).floats(0), output.table(5).floats(1)) == ((1.0,), (0.0,))
    (file,) = output.tables(6)
    assert (file.text(0), file.number(2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS


def test_scores_below_the_unknown_threshold_are_to_be_left_out(metadata):
    (output,) = metadata.tables(3)[0].tables(3)
    (unit,) = output.tables(4)
    assert unit.number(0, "B") == 3  # ScoreThresholdingOptions
    assert unit.table(1).number(0, "f") == pytest.approx(raw_threshold(SPEC))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.3])
def test_the_threshold_is_moved_to_before_the_temperature(temperature):
    spec = replace(SPEC, labels=("a", "b"), temperature=temperature, unknown_threshold=0.8)
    raw = raw_threshold(spec)
    assert apply_temperature(np.float32([raw, 1 - raw]), temperature)[0] == pytest.approx(0.8)
    assert (raw > 0.8) == (temperature > 1)


def test_without_a_threshold_or_for_groups_none_is_written():
    from edgecls_export.tflite_metadata import describe

    groups = (Group(label="round", members=(0,)), Group(label="corners", members=(1, 2)))
    for spec in (replace(SPEC, unknown_threshold=0.0), replace(SPEC, groups=groups)):
        assert raw_threshold(spec) == 0
        (output,) = Table.root(describe(spec)).tables(3)[0].tables(3)
        assert output.tables(4) == []


def test_integer_scores_have_the_limits_of_their_type():
    from edgecls_export.tflite_metadata import describe

    metadata = Table.root(describe(SPEC, output_dtype="uint8"))
    stats = metadata.tables(3)[0].tables(3)[0].table(5)
    assert (stats.floats(0), stats.floats(1)) == ((255.0,), (0.0,))


def test_the_files_it_names_are_stored_behind_the_model(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.read("labels.txt").decode().split("\n") == [*LABELS, ""]
        assert archive.read(TFLITE_SPEC_FILE).decode() == to_json(SPEC, indent=None)


def test_every_buffer_starts_at_a_multiple_of_16_bytes(data):
    """Weights that are not aligned crash 32-bit ARM."""
    starts = [buffer._target(0) for buffer in Table.root(data).tables(4)]
    starts = [start + 4 for start in starts if start is not None]
    assert len(starts) > 5
    assert {start % 16 for start in starts} == {0}


def test_newer_runtimes_find_a_signature(data):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(model_content=data)
    runner = interpreter.get_signature_runner("serving_default")
    scores = runner(image=pictures(1))["scores"]
    assert (scores.shape, scores.dtype) == ((1, len(LABELS)), np.float32)
    assert list(runner.get_input_details()["image"]["shape"]) == [1, HEIGHT, WIDTH, 3]
