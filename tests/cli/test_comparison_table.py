from dataclasses import replace

from edgecls.cli.comparison_table import print_comparison
from tests.cli.comparisons import comparison_of


def table(monkeypatch, capsys, comparison, *, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_comparison("pets", comparison)
    return capsys.readouterr().out


def compared():
    found = comparison_of(losses=[9], photos=300)
    first, second = found.cases
    return replace(found, cases=(first, replace(second, mean_score_error=0.01234)))


def test_a_wide_window_shows_the_exact_test_and_the_mean_error(monkeypatch, capsys):
    out = table(monkeypatch, capsys, compared(), columns=200)
    row = next(line for line in out.splitlines() if line.startswith("m0.tflite"))
    assert "McNemar" in out
    assert "0.0039" in row.split()  # 9 : 0, two-sided: 2 / 2**9
    assert "0.0123" in row.split()
    assert "left out" not in out


def test_a_narrow_window_leaves_them_out_first(monkeypatch, capsys):
    width = max(map(len, table(monkeypatch, capsys, compared(), columns=200).splitlines()))
    out = table(monkeypatch, capsys, compared(), columns=width - 1)
    assert "left out for the width of the window: McNemar p; for all: --json" in out
    out = table(monkeypatch, capsys, compared(), columns=width - 10)
    assert "left out for the width of the window: McNemar p, mean error; for all: --json" in out
    assert "interval" in out


def test_without_classes_there_is_no_exact_test(monkeypatch, capsys):
    found = compared()
    cases = tuple(replace(case, paired=None) for case in found.cases)
    out = table(monkeypatch, capsys, replace(found, cases=cases), columns=200)
    assert "McNemar" not in out
