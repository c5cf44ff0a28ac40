"""A recipe that cannot work here is found on a tiny model, before the slow work on the real one."""

import pytest
from edgecls_device.errors import ExportError
from edgecls_export import export, rehearsal
from edgecls_export.exported import ModelBody
from edgecls_export.rehearsal import rehearse
from edgecls_export.table import EXPORTERS, ExporterEntry

from tests.export.tiny import SPEC, pictures

pytestmark = pytest.mark.slow
REHEARSED = [
    key for key, entry in EXPORTERS.items() if not entry.is_default and not entry.training_photos
]


@pytest.fixture(autouse=True)
def nothing_remembered():
    pytest.importorskip("tensorflow")
    rehearsal._outcome.cache_clear()
    yield
    rehearsal._outcome.cache_clear()


@pytest.mark.parametrize("key", REHEARSED, ids="-".join)
def test_what_is_installed_here_can_make_and_run_every_recipe(key, tmp_path):
    if not EXPORTERS[key].is_installed:
        pytest.skip(f"needs {EXPORTERS[key].packages[-1]}")
    rehearse(*key, log=tmp_path / "export.log")


@pytest.mark.parametrize(
    ("convert", "reason"),
    [
        (lambda frozen, images: 1 / 0, "division by zero"),
        (lambda frozen, images: ModelBody(data=b"rubbish"), "litert"),
    ],
    ids=["cannot make it", "cannot run it"],
)
def test_a_recipe_that_fails_is_refused_before_the_real_model_is_touched(
    frozen, tmp_path, monkeypatch, convert, reason
):
    seen = []

    def spying(model, images):
        seen.append(model.input_shape)
        return convert(model, images)

    monkeypatch.setattr(ExporterEntry, "load", lambda self: spying)
    with pytest.raises(
        ExportError, match=f"tflite int8-io, got on a tiny model: .*{reason}"
    ) as error:
        export(
            frozen,
            SPEC,
            format="tflite",
            recipe="int8-io",
            destination=tmp_path / "tiny.int8-io.tflite",
            calibration=pictures(2),
            photos=pictures(2),
            log=tmp_path / "export.log",
        )
    assert seen == [(None, 8, 8, 3)]
    assert "another --recipe" in error.value.hint


def test_default_recipes_are_not_rehearsed(tmp_path, monkeypatch):
    monkeypatch.setattr(ExporterEntry, "load", lambda self: pytest.fail("was rehearsed"))
    rehearse("tflite", "int8", log=tmp_path / "export.log")
