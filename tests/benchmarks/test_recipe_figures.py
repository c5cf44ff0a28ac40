"""What the figures of quantization compute from the answers of commands, and what they write into pages."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from edgecls_device.errors import DataError

from tests.benchmarks.test_figures import FIGURES, script


def comparison(class_ids, reference, other):
    case = {
        "mean_score_error": 0.01,
        "worst_score_error": 0.2,
        "recipe": "int8",
        "format": "tflite",
    }
    return {
        "class_ids": class_ids,
        "reference": "a.float32.tflite",
        "cases": [
            {"artifact": "a.float32.tflite", "predicted": reference},
            {**case, "artifact": "a.int8.tflite", "predicted": other},
        ],
    }


def test_seeds_are_pooled_photo_by_photo(monkeypatch):
    seeds = script("seeds", monkeypatch)
    pool = seeds.Pool()
    for other in ([0, 1, 1, 0], [0, 0, 1, 1]):
        both = comparison([0, 0, 1, 1], [0, 0, 1, 0], other)
        pool.add(both, both["cases"][1])
    assert (pool.looks, pool.losses, pool.gains, pool.agreeing) == (8, 1, 1, 6)
    rows = {row.what: row for row in seeds.pool_rows("tflite int8", pool, photos=4)}
    assert rows["tflite int8: float32 top-1"].value == 75
    assert rows["tflite int8: top-1"].value == 75
    assert rows["tflite int8: accuracy lost"].verdict == "yes"
    assert rows["tflite int8: agreement"].value == 75
    assert rows["tflite int8: agreement"].verdict == "no"


def test_intervals_over_seeds_rest_on_the_photos_and_not_on_the_looks(monkeypatch):
    seeds = script("seeds", monkeypatch)
    pool = seeds.Pool(looks=935, right=935, reference_right=935, agreeing=935, errors=[0.0])
    note = next(r.note for r in seeds.pool_rows("x", pool, photos=187) if "agreement" in r.what)
    assert "from 97.99" in note  # Wilson for 187 of 187; 935 would prove 99.59


def test_agreement_is_counted_by_how_sure_float32_is(monkeypatch):
    thousand = script("thousand_classes", monkeypatch)
    found = thousand.band_rows("x", (0.5, 0.75), [True, False, True, True], [0.6, 0.7, 0.8, 0.5])
    (row,) = found
    assert row.value == pytest.approx(200 / 3)
    assert row.note.startswith("3 photos")
    assert list(thousand.band_rows("x", (0.0, 0.25), [True], [0.9])) == []


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(6):
        folder = tmp_path / "photos" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{i}.png"), rng.integers(0, 256, (300, 400, 3), np.uint8))
    return tmp_path / "photos"


def test_crops_are_the_same_every_time_and_none_of_a_calibration_photo(
    monkeypatch, photos, tmp_path
):
    crops = script("crops", monkeypatch)
    measured, kept = crops.halves(photos)
    assert sorted([*measured, *kept]) == sorted(photos.rglob("*.png"))
    folder, calibration = crops.make_crops(photos, tmp_path / "one", count=5)
    again, _ = crops.make_crops(photos, tmp_path / "two", count=5)
    files = sorted(folder.iterdir())
    assert len(files) == 5
    assert [f.read_bytes() for f in files] == [f.read_bytes() for f in sorted(again.iterdir())]
    assert {link.resolve() for link in calibration.iterdir()} == {path.resolve() for path in kept}
    assert all(min(cv2.imread(str(f)).shape[:2]) == 256 for f in files)


def test_crops_of_one_photo_are_refused(monkeypatch, tmp_path):
    with pytest.raises(DataError, match="at least two photos"):
        script("crops", monkeypatch).halves(tmp_path)


def test_failures_and_figures_stand_in_one_table(monkeypatch):
    recipes = script("recipes", monkeypatch)
    row = script("figure", monkeypatch).Row
    rows = [
        row(what="tflite int8 litert: size", value=4.0, unit="MB"),
        row(what="tflite int8 litert: agreement", value=99.5, unit="%", note="200 photos, …"),
        row(what="onnx int16: does not convert", value=0, unit="", note="no kernel"),
    ]
    lines = recipes.page_lines(recipes.figure_of("x", recipes.describe_machine(), rows))
    assert "| int8.tflite | 4.0 |  | 99.50 |" in lines[2]
    assert "| int16.onnx | does not convert: no kernel |" in lines[3]
    assert "200 photos" in lines[-1]


def test_a_thousand_classes_are_shown_by_how_sure_float32_is(monkeypatch):
    thousand = script("thousand_classes", monkeypatch)
    row = script("figure", monkeypatch).Row
    sure = "agreement where float32's score is 0.75 to 1"
    rows = [row(what="crops", value=4000, unit="photos")]
    for name, agreement in (("onnx int8", 94.4), ("tflite int8-plain", 90), ("tflite int8", 94.5)):
        rows += [
            row(what=f"{name}: agreement", value=agreement, unit="%"),
            row(what=f"{name}: {sure}", value=100, unit="%"),
            row(what=f"{name}: time of float32's, 1 thread", value=43.4, unit="%"),
        ]
    figure = thousand.figure_of("x", thousand.describe_machine(), rows)
    lines = thousand.page_lines(figure)
    assert lines[2] == "| int8.tflite |  | 94.5 |  |  |  | 100.0 |  |  |  | 43 |"
    assert [line.partition(" |")[0] for line in lines[2:5]] == [
        "| int8.tflite",
        "| int8-plain.tflite",
        "| int8.onnx",
    ]
    assert "4000 crops" in lines[6]
    assert "*int8-plain* is no recipe" in lines[6]
    without = replace(figure, rows=tuple(r for r in rows if "plain" not in r.what))
    assert "int8-plain" not in "".join(thousand.page_lines(without)[:-1])


def test_no_two_figures_of_the_bench_script_write_the_same_part():
    bench = (FIGURES.parents[1] / "scripts" / "bench").read_text("utf-8")
    figures = [line.split() for line in bench.splitlines() if line.startswith("figure ")]
    written = [
        words[1] if words[2] == "recipes" else "recipes_thousand"
        for words in figures
        if words[2] in {"recipes", "thousand_classes"}
    ]
    assert sorted(written) == ["recipes_pets", "recipes_thousand"]


def test_only_the_part_between_its_markers_is_replaced(monkeypatch, tmp_path, capsys):
    pages = script("pages", monkeypatch)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n")
    for _ in range(2):
        pages.replace_part(page, "a", pages.table(["x"], [["1 | 2"]]))
    assert page.read_text() == (
        "before\n<!-- a -->\n\n| x |\n|---|\n| 1 \\| 2 |\n\n<!-- end of a -->\nafter\n"
    )
    assert "wrote" in capsys.readouterr().out
    with pytest.raises(DataError, match="markers of 'b'"):
        pages.replace_part(page, "b", [])


def test_a_drop_and_as_many_other_labels_need_the_same_photos(monkeypatch):
    gate_table = script("gate_table", monkeypatch)
    for photos in gate_table.PHOTOS:
        for limit in gate_table.LIMITS:
            assert gate_table.most_lost(photos, limit) == gate_table.most_differing(photos, limit)
    assert gate_table.most_differing(100, 0.01) == -1
    assert gate_table.most_differing(400, 0.01) == 0


def test_backbones_without_weights_still_tell_photos_apart(monkeypatch, photos):
    pytest.importorskip("tensorflow")
    scratch = script("scratch", monkeypatch)
    monkeypatch.setattr("sys.argv", ["scratch.py", str(photos)])
    model = scratch.mobilenet_v3_small(size=32)
    pictures = scratch.some_pictures(photos, 32)
    features = model.predict_on_batch(pictures)
    assert (
        np.std(features, axis=0).mean() > 0.05
    )  # as drawn, every photo gives the same to four digits


def test_a_stopped_table_goes_on_only_with_the_same_source(monkeypatch, tmp_path):
    backbones = script("backbones", monkeypatch)
    now = backbones.figure_of("x", backbones.describe_machine(), [])
    kept = tmp_path / "x.json"
    assert backbones.earlier(kept, now) is None
    kept.write_text(backbones.to_json(now))
    assert backbones.earlier(kept, now) == now
    assert backbones.earlier(kept, replace(now, commit="another")) is None
