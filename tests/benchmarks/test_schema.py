"""The schema is made from the records, published, and real output is held to it."""

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
from edgecls_bench.bench import bench
from edgecls_bench.measurement import BenchRun
from edgecls_bench.schema import bench_schema
from edgecls_device.records import to_json

from tests.benchmarks.bench_runs import SHORT, bench_of, case_of
from tests.command_line import edgecls

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "bench.schema.json"
RENEW = "edgecls bench schema > docs/bench.schema.json"


def validator():
    schema = bench_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_schema_is_that_of_the_records(capsys):
    assert edgecls("bench", "schema") == 0
    assert json.loads(capsys.readouterr().out) == bench_schema()
    assert json.loads(PUBLISHED.read_text("utf-8")) == bench_schema(), f"renew it: {RENEW}"


def test_what_is_measured_fits_the_schema(artifacts):
    pytest.importorskip("onnxruntime")
    settings = dataclasses.replace(SHORT, throughput_seconds=0.1, sustained_seconds=0.5)
    record = bench(artifacts[:1], threads=[1], settings=settings)
    validator().validate(json.loads(to_json(record)))


def test_a_case_with_an_error_fits_the_schema():
    validator().validate(json.loads(to_json(bench_of(case_of(5.0, error="it crashed (SIGFPE)")))))


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body.pop("machine"),
        lambda body: body.update(version=1),
        lambda body: body.update(kind="edgecls.comparison"),
        lambda body: body.update(more=1),
        lambda body: body["cases"][0].update(threads="two"),
        lambda body: body["cases"][0]["samples"].update(classify_ns=[1.5]),
        lambda body: body["machine"].update(packages={"numpy": 2}),
        lambda body: body.update(method={}),
    ],
)
def test_what_no_reader_takes_does_not_fit(damage):
    body = json.loads(to_json(bench_of(case_of(5.0))))
    validator().validate(body)
    damage(body)
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(body)


def test_every_field_is_described():
    schema = bench_schema()
    objects = [schema, *schema["$defs"].values()]
    assert len(objects) > 8
    for part in objects:
        assert part["description"]
        fields = {name: field for name, field in part["properties"].items() if "const" not in field}
        assert [name for name, field in fields.items() if not field["description"]] == []


def test_nothing_of_the_docstrings_markup_is_left():
    assert "`" not in json.dumps(bench_schema())


def test_the_schema_names_the_record():
    assert bench_schema()["title"] == f"{BenchRun.kind}, version {BenchRun.version}"
