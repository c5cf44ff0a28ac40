from edgecls_bench.memory import peak_memory_bytes, resident_memory_bytes


def test_memory_now_is_at_most_the_peak_and_grows_with_what_is_held():
    before = resident_memory_bytes()
    ballast = b"\1" * 50_000_000
    assert resident_memory_bytes() > before + 40_000_000
    assert peak_memory_bytes() >= resident_memory_bytes()
    del ballast


def test_where_the_system_tells_nothing_the_peak_is_still_known(tmp_path, monkeypatch):
    monkeypatch.setattr("edgecls_bench.memory._STATUS", tmp_path / "status")
    assert resident_memory_bytes() == 0
    assert peak_memory_bytes() > 10_000_000
