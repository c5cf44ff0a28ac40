import os

import pytest
from edgecls_device.errors import StorageError
from edgecls_device.sinks import quota as module
from edgecls_device.sinks.naming import STAMPED, safe_label, stamped_name
from edgecls_device.sinks.quota import Quota

from tests.device.sinks.disks import fill, small_disk

__all__ = ["small_disk"]


def name(i, label="cat"):
    return stamped_name(1_700_000_000 + i, label, f"{i:04d}", suffix=".jpg")


def names(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*.jpg"))


def test_the_oldest_files_make_room_for_the_newest(tmp_path):
    quota = Quota(tmp_path / "new" / "shots", quota_bytes=1000)
    for i in range(10):
        quota.save(name(i), b"x" * 300)
    assert names(tmp_path / "new" / "shots") == [name(7), name(8), name(9)]
    assert (quota.used_bytes, quota.files) == (900, 3)


def test_what_an_earlier_run_left_counts_and_goes_first(tmp_path):
    first = Quota(tmp_path, quota_bytes=1000)
    for i in range(3):
        first.save(name(i), b"x" * 300)
    second = Quota(tmp_path, quota_bytes=1000)
    assert second.used_bytes == 900
    second.save(name(1, "dog"), b"x" * 300)
    assert name(0) not in names(tmp_path)
    assert quota_is_true(second, tmp_path)


def quota_is_true(quota, directory):
    return quota.used_bytes == sum((directory / one).stat().st_size for one in names(directory))


def test_files_of_others_are_neither_counted_nor_removed(tmp_path):
    target = tmp_path / "target.jpg"
    target.write_bytes(b"y" * 500)
    mine = tmp_path / "mine"
    (mine / "holiday" / "2023").mkdir(parents=True)
    others = [mine / "IMG_1.jpg", mine / "holiday" / "2023" / name(0)]
    for path in others:
        path.write_bytes(b"y" * 500)
    (mine / name(1)).symlink_to(target)
    quota = Quota(mine, quota_bytes=400)
    assert quota.used_bytes == 0
    for i in range(5):
        quota.save(name(10 + i), b"x" * 300)
    assert all(path.read_bytes() == b"y" * 500 for path in [*others, target])
    assert quota.files == 1


def test_a_folder_for_each_label_shares_the_quota(tmp_path):
    quota = Quota(tmp_path, quota_bytes=1000)
    for i in range(6):
        quota.save(f"{'cat' if i % 2 else 'dog'}/{name(i)}", b"x" * 300)
    assert names(tmp_path) == [f"cat/{name(3)}", f"cat/{name(5)}", f"dog/{name(4)}"]
    assert Quota(tmp_path, quota_bytes=1000).files == 3


def test_names_that_are_not_ours_are_refused(tmp_path):
    quota = Quota(tmp_path, quota_bytes=1000)
    for bad in ("cat.jpg", f"../../{name(0)}", f"a/b/{name(0)}"):
        with pytest.raises(ValueError, match="Expected a name"):
            quota.save(bad, b"x")


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    half = tmp_path / f".{name(0)[:-4][:40]}.{'a1' * 6}.jpg"
    other = tmp_path / ".hidden.jpg"
    half.write_bytes(b"x")
    other.write_bytes(b"x")
    Quota(tmp_path, quota_bytes=1000)
    assert not half.exists()
    assert other.exists()


def test_files_that_somebody_removed_and_a_directory_that_is_gone_are_no_trouble(tmp_path):
    directory = tmp_path / "shots"
    quota = Quota(directory, quota_bytes=700)
    quota.save(name(0), b"x" * 300)
    (directory / name(0)).unlink()
    directory.rmdir()
    for i in range(1, 5):
        quota.save(name(i), b"x" * 300)
    assert names(directory) == [name(3), name(4)]
    assert quota_is_true(quota, directory)


def test_the_number_of_files_is_bounded_too(tmp_path):
    quota = Quota(tmp_path, quota_bytes=10**6, most_files=3)
    for i in range(8):
        quota.save(name(i), b"x")
    assert names(tmp_path) == [name(5), name(6), name(7)]


def test_a_picture_larger_than_the_quota_removes_nothing(tmp_path):
    quota = Quota(tmp_path, quota_bytes=500)
    quota.save(name(0), b"x" * 300)
    with pytest.raises(StorageError, match="more than the whole quota"):
        quota.save(name(1), b"x" * 501)
    assert names(tmp_path) == [name(0)]


def test_on_a_disk_that_others_filled_the_newest_replaces_as_much_as_it_needs(tmp_path):
    quota = Quota(tmp_path, quota_bytes=10**6, free_bytes=0)
    for i in range(6):
        quota.save(name(i), b"x" * 300)
    full = Quota(tmp_path, quota_bytes=10**6, free_bytes=1 << 62)
    full.save(name(6), b"x" * 500)
    assert names(tmp_path) == [name(i) for i in range(2, 7)]


def test_an_almost_full_disk_with_nothing_of_ours_is_refused(tmp_path):
    quota = Quota(tmp_path, quota_bytes=10**6, free_bytes=1 << 62)
    with pytest.raises(StorageError, match="almost full"):
        quota.save(name(0), b"x")
    assert names(tmp_path) == []


def test_nothing_is_removed_for_a_file_that_would_still_not_fit(tmp_path):
    Quota(tmp_path, quota_bytes=10**6, free_bytes=0).save(name(0), b"x" * 300)
    full = Quota(tmp_path, quota_bytes=10**6, free_bytes=1 << 62)
    with pytest.raises(StorageError, match="almost full"):
        full.save(name(1), b"x" * 500)
    assert names(tmp_path) == [name(0)]


def test_a_real_small_disk_stays_below_its_floor(small_disk):
    quota = Quota(small_disk, quota_bytes=10**9)
    for i in range(60):
        quota.save(name(i), os.urandom(50_000))
    disk = os.statvfs(small_disk)
    assert disk.f_bavail * disk.f_frsize >= disk.f_blocks * disk.f_frsize * 0.05
    assert name(59) in names(small_disk)
    assert 10 <= quota.files <= 20
    assert quota_is_true(quota, small_disk)


def test_a_disk_that_others_fill_sheds_and_recovers(small_disk):
    quota = Quota(small_disk, quota_bytes=10**9)
    fill(small_disk / "others")
    with pytest.raises(StorageError):
        quota.save(name(0), b"x" * 50_000)
    assert names(small_disk) == []
    (small_disk / "others").unlink()
    quota.save(name(1), b"x" * 50_000)
    assert names(small_disk) == [name(1)]


def test_a_directory_that_cannot_be_made_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Cannot create"):
        Quota(tmp_path / "file" / "shots", quota_bytes=1)


def test_saving_does_not_read_the_directory_again(tmp_path, monkeypatch):
    quota = Quota(tmp_path, quota_bytes=10**6)
    monkeypatch.setattr(module.os, "scandir", None)
    quota.save(name(0), b"x")


@pytest.mark.parametrize(
    ("label", "safe"),
    [
        ("cat", "cat"),
        ("../../etc/passwd", "etc-passwd"),
        ("<b>Köter</b>", "b-Köter-b"),
        ("猫", "猫"),
        ("😀", "label"),
        ("", "label"),
        ("a\0b\nc", "a-b-c"),
        ("\udc80", "label"),
        ("x" * 300, "x" * 40),
    ],
)
def test_any_label_gives_a_safe_name(label, safe, tmp_path):
    assert safe_label(label) == safe
    made = stamped_name(1_700_000_000.5, label, "3f2a", suffix=".jpg")
    assert made == f"20231114T221320.500Z-{safe}-3f2a.jpg"
    assert STAMPED.fullmatch(made)
    (tmp_path / made).touch()
