from pathlib import Path

from edgecls_export.exported import ExportedArtifact, ExportRun

from edgecls.cli.export_tables import print_artifacts
from edgecls.run_directory import RunDirectory


def artifact(recipe, *, note=""):
    return ExportedArtifact(
        path=f"runs/pets/exports/pets.{recipe}.tflite",
        format="tflite",
        recipe=recipe,
        size_bytes=1_000_000,
        seconds=1.0,
        backend="litert",
        photos=100,
        agreement=0.99,
        worst_error=0.1,
        mean_error=0.01,
        note=note,
    )


def test_what_an_exporter_decided_stands_below_the_table(capsys):
    tuned = artifact("int8-qat", note="The model keeps its own weights.")
    exported = ExportRun(artifacts=(artifact("int8"), tuned))
    print_artifacts(exported, RunDirectory(Path("runs/pets")))
    shown = capsys.readouterr().out.splitlines()
    assert "pets.int8-qat.tflite: The model keeps its own weights." in shown
    assert not any(line.startswith("pets.int8.tflite:") for line in shown)
