import json
from collections import Counter
from pathlib import Path

import pytest
from edgecls_device.errors import DataError, SpecError

from edgecls.data.load import Photo, PhotoSet, load_photos
from edgecls.data.split import position, read_split, split_of, split_photos, write_split
from edgecls.run_directory import RunDirectory


def a_hash(u, tail=0):
    """Return a content hash whose place in 0..1 is ``u``."""
    return f"{int(u * 2**64):016x}{tail:048x}"


def a_set(*classes):
    """Make a photo set from the places of each class's photos."""
    photos = [
        Photo(path=Path(f"/data/{c}/{i}.jpg"), class_id=c, content_hash=a_hash(u, 1000 * c + i))
        for c, places in enumerate(classes)
        for i, u in enumerate(places)
    ]
    labels = tuple(str(c) for c in range(len(classes)))
    return PhotoSet(root=Path("/data"), labels=labels, photos=tuple(photos))


def splits(split):
    return {photo.path: photo.split for photo in split.photos}


EVENLY = [(i + 0.5) / 100 for i in range(100)]


def test_places_decide_the_split():
    split = split_photos(a_set(EVENLY, EVENLY))
    assert Counter(photo.split for photo in split.photos) == {"train": 160, "val": 20, "test": 20}
    for u, name in ((0, "train"), (0.79, "train"), (0.8, "val"), (0.89, "val"), (0.9, "test")):
        assert split_of(a_hash(u)) == name
    assert split_of("f" * 64) == "test"
    assert position(a_hash(0.25)) == 0.25


def test_adding_photos_moves_none_in_classes_that_are_not_small():
    before = splits(split_photos(a_set(EVENLY, EVENLY)))
    more = [*EVENLY, *((i + 0.25) / 40 for i in range(40))]
    after = splits(split_photos(a_set(more, EVENLY)))
    assert all(after[path] == name for path, name in before.items())


def test_a_small_class_has_every_split_with_the_nearest_photos():
    split = split_photos(a_set([0.1, 0.2, 0.3, 0.78, 0.79], EVENLY))
    small = [photo.split for photo in split.photos if photo.class_id == 0]
    assert small == ["train", "train", "train", "test", "val"]


@pytest.mark.parametrize(
    "places",
    [
        [0.95, 0.96, 0.97, 0.98, 0.99],
        [0.85, 0.86, 0.87, 0.88, 0.89],
        [0.1, 0.85, 0.95, 0.2, 0.3],
        [0.85, 0.86, 0.95, 0.96, 0.97],
    ],
)
def test_however_the_hashes_fall_no_split_is_empty(places):
    split = split_photos(a_set(places, EVENLY))
    assert {photo.split for photo in split.photos if photo.class_id == 0} == {
        "train",
        "val",
        "test",
    }


def test_the_split_before_is_kept_when_photos_are_added():
    small = [0.1, 0.2, 0.3, 0.78, 0.79]
    before = split_photos(a_set(small, EVENLY))
    grown = a_set([*small, 0.85, 0.95, 0.799], EVENLY)
    moved = splits(split_photos(grown))
    kept = splits(split_photos(grown, previous=before))
    assert all(kept[path] == name for path, name in splits(before).items())
    assert moved["0/4.jpg"] == "train"  # without it, the photo on loan would go back


def test_the_split_before_is_kept_for_a_photo_that_got_another_name_and_class(photos):
    first = split_photos(load_photos(photos))
    (photos / "cats" / "0.jpg").rename(photos / "dogs" / "renamed.jpg")
    second = split_photos(load_photos(photos), previous=first)
    assert splits(second)["dogs/renamed.jpg"] == splits(first)["cats/0.jpg"]


def test_a_duplicate_never_sits_on_both_sides(photos):
    for label in ("cats", "dogs"):
        for i in range(8):
            copy = photos / label / "copies" / f"{i}-copy.jpg"
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes((photos / label / f"{i}.jpg").read_bytes())
    split = split_photos(load_photos(photos))
    sides = {}
    for photo in split.photos:
        sides.setdefault(photo.content_hash, set()).add(photo.split)
    assert len(sides) == 16
    assert all(len(side) == 1 for side in sides.values())
    assert len(split.skipped) == 16


def test_real_photos_are_split_about_80_10_10(cats_dogs):
    split = split_photos(load_photos(cats_dogs))
    sizes = Counter((photo.class_id, photo.split) for photo in split.photos)
    for class_id in (0, 1):
        assert 750 <= sizes[class_id, "train"] <= 850
        assert 70 <= sizes[class_id, "val"] <= 130
        assert 70 <= sizes[class_id, "test"] <= 130


def test_a_split_is_read_as_it_was_written(photos, tmp_path):
    (photos / "cats" / "猫 \u202f.jpg").write_bytes(
        (photos / "cats" / "0.jpg").read_bytes() + b"\0"
    )
    split = split_photos(load_photos(photos))
    run = RunDirectory(tmp_path / "run")
    write_split(split, run)
    assert read_split(run.split) == split
    assert all(split.path_of(photo).is_file() for photo in split.photos)


def test_a_missing_split_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match="got no such file") as caught:
        read_split(tmp_path / "run" / "split.json")
    assert "edgecls train" in caught.value.hint


def test_a_damaged_split_is_refused(photos, tmp_path):
    run = RunDirectory(tmp_path / "run")
    write_split(split_photos(load_photos(photos)), run)
    body = json.loads(run.split.read_text())
    body["photos"][0]["class_id"] = 7
    run.split.write_text(json.dumps(body))
    with pytest.raises(SpecError, match="class ids below 2"):
        read_split(run.split)
    run.split.write_text(run.split.read_text()[:100])
    with pytest.raises(SpecError, match="JSON"):
        read_split(run.split)
