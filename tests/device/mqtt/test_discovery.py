"""The message for Home Assistant, held against the keys that its documentation lists."""

import json

import pytest
from edgecls_device.sinks.mqtt_discovery import Discovery, device_id

# From https://www.home-assistant.io/integrations/mqtt/ and the pages of the platforms.
ROOT = {"device", "origin", "availability", "availability_mode", "qos", "components"}
DEVICE = {"identifiers", "name", "manufacturer", "model", "sw_version"}
ENTITY = {
    "platform", "unique_id", "name", "icon", "availability", "entity_category", "state_topic",
    "json_attributes_topic", "json_attributes_template",
}  # fmt: skip
PLATFORMS = {
    "sensor": {
        "value_template", "unit_of_measurement", "state_class", "device_class", "options",
        "suggested_display_precision",
    },
    "binary_sensor": {"value_template", "device_class"},
    "event": {"event_types"},
    "image": {"image_topic", "content_type"},
}  # fmt: skip
REQUIRED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "event": {"state_topic", "event_types"},
    "image": {"image_topic"},
}


def discovery_of(labels=("cat", "dog"), *, has_snapshots=True, base="edgecls/door"):
    return Discovery(
        prefix="homeassistant",
        base=base,
        labels=labels,
        source="0",
        model="pets",
        has_snapshots=has_snapshots,
    )


def components_of(discovery):
    return json.loads(discovery.payload())["components"]


def test_every_key_is_one_that_home_assistant_knows():
    message = json.loads(discovery_of().payload())
    assert set(message) == ROOT
    assert set(message["device"]) == DEVICE
    assert message["device"]["model"] == "pets on 0"
    assert set(message["origin"]) == {"name", "sw_version"}
    for entity in message["components"].values():
        platform = entity["platform"]
        assert set(entity) <= ENTITY | PLATFORMS[platform]
        assert set(entity) >= {"unique_id", "name"} | REQUIRED[platform]


def test_ids_are_unique_and_made_of_letters_that_are_allowed():
    components = components_of(discovery_of(("a", "A", "ä", "a b", "☃")))
    ids = [entity["unique_id"] for entity in components.values()]
    assert len(set(ids)) == len(ids)
    for name in (*ids, *components):
        assert name.replace("_", "").isalnum()
        assert name.isascii()


def test_what_is_seen_is_unavailable_when_the_camera_is_lost_and_the_diagnosis_is_not():
    message = json.loads(discovery_of().payload())
    topics = [item["topic"] for item in message["availability"]]
    assert topics == ["edgecls/door/availability", "edgecls/door/ready"]
    assert message["availability_mode"] == "all"
    alive = [{"topic": "edgecls/door/availability"}]
    for entity in message["components"].values():
        is_diagnosis = entity.get("entity_category") == "diagnostic"
        assert entity.get("availability") == (alive if is_diagnosis else None)


def test_an_enumeration_has_neither_unit_nor_state_class():
    for entity in components_of(discovery_of()).values():
        if entity.get("device_class") == "enum":
            assert entity["options"]
            assert not {"unit_of_measurement", "state_class"} & set(entity)
    assert components_of(discovery_of())["label"]["options"] == ["cat", "dog", "unknown"]


def test_no_label_becomes_a_part_of_a_template():
    evil = "{{ states('sensor.secret') }}' or 'x"
    for entity in components_of(discovery_of((evil, "dog"))).values():
        templates = [value for key, value in entity.items() if key.endswith("template")]
        assert not any("secret" in template for template in templates)


def test_many_labels_make_no_entity_each():
    components = components_of(discovery_of([f"label {n}" for n in range(1000)]))
    assert len(components) == 8
    assert "options" not in components["label"]
    long = components_of(discovery_of(("x" * 256, "y")))
    assert "options" not in long["label"]


def test_pictures_are_described_only_if_there_are_any():
    assert "snapshot" in components_of(discovery_of())
    assert "snapshot" not in components_of(discovery_of(has_snapshots=False))


@pytest.mark.parametrize("retained", [b"", b"no json", b"[]", b'{"components": 1}', b"{}"])
def test_a_message_of_others_needs_no_farewell(retained):
    assert discovery_of().farewell(retained) is None


def test_a_farewell_is_said_once():
    old, new = discovery_of(("cat", "horse")), discovery_of(("cat", "dog"))
    farewell = new.farewell(old.payload())
    assert farewell is not None
    assert new.farewell(farewell) is None
    assert new.farewell(new.payload()) is None


def test_topics_that_look_alike_have_different_ids():
    topics = [
        "edgecls/a-b",
        "edgecls/a_b",
        "edgecls/door",
        "edgecls/Door",
        "edgecls/do or",
        "door",
        "edgecls/döör",
        "a/door",
    ]
    assert len({device_id(topic) for topic in topics}) == len(topics)
    assert device_id("edgecls/door") == "edgecls_door"
    assert device_id("edgecls/front-door") == "edgecls_front-door"
