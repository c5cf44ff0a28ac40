import os
import sqlite3

import numpy as np
import pytest
from edgecls_device.errors import StorageError

from edgecls.training.feature_cache import FeatureCache, default_cache

A, B = np.float32([1, 2, 3]), np.float32([4, 5, 6])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "deep" / "x.sqlite"
    with FeatureCache(path, length=3) as cache:
        cache.write({"a": A, "b": B})
    return path


def read(path, *names, length=3):
    with FeatureCache(path, length=length) as cache:
        return {name: vector.tolist() for name, vector in cache.read(names).items()}


def test_what_was_written_is_read_in_another_process_of_the_work(path):
    assert read(path, "a", "b", "c") == {"a": [1, 2, 3], "b": [4, 5, 6]}


def test_more_names_than_sqlite_takes_at_once_are_read(path):
    with FeatureCache(path, length=3) as cache:
        cache.write({str(i): A * i for i in range(2100)})
        assert len(cache.read([str(i) for i in range(2100)])) == 2100


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE features SET vector = zeroblob(12) WHERE content_hash = 'a'",
        "UPDATE features SET vector = x'00' WHERE content_hash = 'a'",
        "UPDATE features SET vector = 'text' WHERE content_hash = 'a'",
        "UPDATE features SET vector = (SELECT vector FROM features WHERE content_hash = 'b')",
    ],
)
def test_a_damaged_vector_is_not_used(path, damage):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(damage)
    connection.close()
    assert read(path, "a", "b") == {"b": [4, 5, 6]}


def test_vectors_of_another_length_are_not_used(path):
    assert read(path, "a", length=4) == {}


@pytest.mark.parametrize("content", [b"not a database, but long enough to be one" * 100, b"x"])
def test_a_file_that_is_no_database_is_started_again(path, content):
    path.write_bytes(content)
    assert read(path, "a") == {}
    with FeatureCache(path, length=3) as cache:
        cache.write({"a": A})
    assert read(path, "a") == {"a": [1, 2, 3]}


def test_a_database_damaged_in_its_middle_is_started_again(path):
    with FeatureCache(path, length=3) as cache:
        cache.write({f"{i:064}": A for i in range(2000)})
    data = bytearray(path.read_bytes())
    data[4096 : len(data) - 4096] = os.urandom(len(data) - 8192)
    path.write_bytes(data)
    assert len(read(path, *(f"{i:064}" for i in range(2000)))) < 2000
    with FeatureCache(path, length=3) as cache:
        cache.write({f"{i:064}": A for i in range(2000)})
        assert len(cache.read([f"{i:064}" for i in range(2000)])) == 2000


def test_a_place_that_cannot_be_written_names_the_option(tmp_path):
    (tmp_path / "x.sqlite").mkdir()
    with pytest.raises(StorageError, match="feature cache") as caught:
        FeatureCache(tmp_path / "x.sqlite", length=3)
    assert "--cache" in caught.value.hint


def test_a_write_that_fails_stores_nothing_of_its_batch(path):
    with FeatureCache(path, length=3) as cache, pytest.raises(AttributeError):
        cache.write({"c": A, "d": None})
    assert read(path, "c", "d") == {}


def test_the_cache_lies_where_the_system_wants_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "edgecls" / "features"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache().parts[-3:] == (".cache", "edgecls", "features")
