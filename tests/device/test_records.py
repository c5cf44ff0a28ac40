import json

import pytest
from edgecls_device.errors import SpecError
from edgecls_device.records import from_json, to_json
from edgecls_device.spec import GoldenSamples, Group, ModelSpec, Preprocessing, Provenance


@pytest.fixture
def spec():
    return ModelSpec(
        name="pets",
        labels=("Köter", "cat"),
        preprocessing=Preprocessing(height=8, width=9),
        groups=(Group(label="all", members=(0, 1)),),
        golden=GoldenSamples(scores=((0.5, 0.5),)),
        provenance=Provenance(photos={"train": 3}),
    )


def test_a_spec_survives_the_way_through_json(spec):
    assert from_json(ModelSpec, to_json(spec), name="spec.json") == spec


def changed(spec, change):
    body = json.loads(to_json(spec))
    change(body)
    return json.dumps(body)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.update(version=2), "Expected version 1"),
        (lambda b: b.update(kind="x"), "Expected a record of kind"),
        (lambda b: b.update(extra=1), "only known fields"),
        (lambda b: b["preprocessing"].update(gamma=1), r"edgecls.spec.preprocessing, got 'gamma'"),
        (lambda b: b.pop("labels"), "the field 'labels'"),
        (lambda b: b.update(labels=["a", 5]), r"labels\[1\] to be a value of type str, got 5"),
        (
            lambda b: b["preprocessing"].update(resize="squash"),
            "one of 'crop', 'stretch', 'letterbox'",
        ),
        (lambda b: b["preprocessing"].update(height=True), "height to be a value of type int"),
        (lambda b: b.update(temperature=0), "temperature to be above 0"),
        (lambda b: b.update(temperature=float("nan")), "temperature to be a finite number"),
        (lambda b: b.update(temperature=10**400), "temperature to be a finite number"),
        (lambda b: b.update(labels=["a", "a"]), "got 'a' twice"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(spec, change, message):
    with pytest.raises(SpecError, match=message):
        from_json(ModelSpec, changed(spec, change), name="spec.json")


def test_text_that_is_not_json_is_refused():
    with pytest.raises(SpecError, match=r"Expected JSON in spec\.json"):
        from_json(ModelSpec, "{", name="spec.json")
