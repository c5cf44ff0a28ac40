"""Release numbers: the same as long as nothing changes, else the next."""

import threading
import time

import pytest
from edgecls_device.errors import OptionError, SpecError
from edgecls_export.bundles.releases import (
    Release,
    Releases,
    choose_release,
    one_at_a_time,
    read_releases,
    write_release,
)


class History:
    """What is remembered from one bundle to the next."""

    def __init__(self, path):
        self.path = path

    def make(self, digest, *, name="pets", target="bookworm64", wished=None):
        releases = read_releases(self.path)
        chosen = choose_release(releases, name=name, target=target, digest=digest, wished=wished)
        write_release(self.path, releases, chosen)
        return chosen.release


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "bundles" / "releases.json")


def test_the_same_content_keeps_its_number_and_a_change_gets_the_next(history):
    assert [history.make(digest) for digest in ("a", "a", "b", "b", "c")] == [1, 1, 2, 2, 3]


def test_going_back_is_a_new_release_since_devices_take_no_lower_one(history):
    assert [history.make(digest) for digest in ("a", "b", "a", "a")] == [1, 2, 3, 3]


def test_names_and_targets_count_for_themselves(history):
    assert history.make("a") == 1
    assert history.make("b", target="trixie64") == 1
    assert history.make("c", name="door") == 1
    assert history.make("d") == 2


def test_a_given_number_is_taken_and_counted_on(history):
    assert history.make("a", wished=7) == 7
    assert history.make("a") == 7
    assert history.make("b") == 8
    assert history.make("a", wished=7) == 7


def test_a_number_of_other_content_is_refused(history):
    history.make("a")
    with pytest.raises(OptionError, match="no other bundle of 'pets' for bookworm64") as refusal:
        history.make("b", wished=1)
    assert "give 2" in refusal.value.hint
    assert history.make("b", target="trixie64", wished=1) == 1


@pytest.mark.parametrize("wished", [0, -1, 1_000_000])
def test_a_number_out_of_range_is_refused(history, wished):
    with pytest.raises(OptionError, match="from 1 to 999999"):
        history.make("a", wished=wished)


def test_a_damaged_memory_is_refused_and_left_as_it_is(history):
    history.make("a")
    history.path.write_text("{")
    with pytest.raises(SpecError):
        history.make("b")
    assert history.path.read_text() == "{"


def test_releases_are_in_the_order_of_their_numbers():
    made = [Release(name="a", target="t", release=n, digest=str(n)) for n in (3, 1, 2)]
    assert [one.release for one in Releases(releases=tuple(made)).of("a", "t")] == [1, 2, 3]


def test_who_counts_waits_for_who_counts_already(history):
    went_on = []

    def count(number):
        with one_at_a_time(history.path.parent):
            releases = read_releases(history.path)
            time.sleep(0.05)  # long enough for the others to read the same, if they could
            chosen = choose_release(releases, name="pets", target="t", digest=str(number))
            write_release(history.path, releases, chosen)
            went_on.append(chosen.release)

    threads = [threading.Thread(target=count, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert went_on == [1, 2, 3, 4]
    assert [path.name for path in history.path.parent.iterdir()] == ["releases.json"]
