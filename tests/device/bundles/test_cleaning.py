import pytest
from edgecls_device.bundles.cleaning import clean
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.state import State


def put(installation, version, environment):
    folder = installation.version(version)
    folder.mkdir()
    (folder / "environment").symlink_to(f"../../environments/{environment}")
    (folder / "tuning.json").write_text("{}")
    (installation.environments / environment).mkdir(exist_ok=True)


@pytest.fixture
def installation(tmp_path):
    """Version d runs, c is confirmed, b was before; a is old. Two share an environment."""
    installation = Installation(tmp_path)
    installation.prepare()
    for version, environment in (("a", "one"), ("b", "two"), ("c", "two"), ("d", "three")):
        put(installation, version, environment)
    installation.point(installation.current, "d")
    installation.point(installation.confirmed, "c")
    return installation


STATE = State(previous="b")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_runs_is_confirmed_or_was_before_stays_and_the_rest_goes(installation):
    assert clean(installation, STATE) == ("a", "one")
    assert names(installation.versions) == ["b", "c", "d"]
    assert names(installation.environments) == ["three", "two"]


def test_an_environment_that_is_wanted_next_stays(installation):
    clean(installation, STATE, environment="one")
    assert names(installation.environments) == ["one", "three", "two"]


def test_what_a_kill_left_goes_and_what_is_not_ours_stays(installation):
    (installation.versions / ".removed-a" / "golden").mkdir(parents=True)
    (installation.root / ".wheels-x8").mkdir()
    (installation.root / ".state.0123456789ab.json").write_text("{")
    (installation.root / ".profile").write_text("")
    (installation.environments / "half").mkdir()
    clean(installation, STATE)
    assert names(installation.versions) == ["b", "c", "d"]
    assert names(installation.environments) == ["three", "two"]
    assert [name for name in names(installation.root) if name.startswith(".")] == [".profile"]


def test_cleaning_again_finds_nothing(installation):
    clean(installation, STATE)
    assert clean(installation, STATE) == ()


def test_links_are_removed_and_not_followed(installation, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "precious").write_text("x")
    (installation.versions / "link").symlink_to(outside)
    (installation.version("a") / "link").symlink_to(outside)
    clean(installation, STATE)
    assert names(installation.versions) == ["b", "c", "d"]
    assert names(outside) == ["precious"]


def test_what_goes_is_never_seen_half_gone_under_its_name(installation, monkeypatch):
    def cut(path):
        message = "the power was cut"
        raise KeyboardInterrupt(message)

    monkeypatch.setattr("edgecls_device.bundles.cleaning._remove", cut)
    with pytest.raises(KeyboardInterrupt):
        clean(installation, STATE)
    assert names(installation.versions) == [".removed-a", "b", "c", "d"]
