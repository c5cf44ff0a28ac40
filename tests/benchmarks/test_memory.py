from edgecls_bench.memory import peak_and_resident_bytes


def test_memory_now_is_at_most_the_peak_and_grows_with_what_is_held():
    _, before = peak_and_resident_bytes()
    ballast = [bytes([n]) * 10_000_000 for n in range(1, 6)]
    looks = [peak_and_resident_bytes()]
    for _ in range(20):  # each look needs memory itself
        looks.append(peak_and_resident_bytes())
    assert looks[0][1] > before + 40_000_000
    assert all(resident <= peak for peak, resident in looks)
    del ballast


def test_what_was_given_back_stays_in_the_peak():
    ballast = b"\1" * 50_000_000
    peak, _ = peak_and_resident_bytes()
    del ballast
    later, resident = peak_and_resident_bytes()
    assert later > peak - 5_000_000  # the kernel counts in batches
    assert resident < later - 40_000_000


def test_where_the_system_tells_nothing_the_peak_is_still_known(tmp_path, monkeypatch):
    monkeypatch.setattr("edgecls_bench.memory._STATUS", tmp_path / "status")
    peak, resident = peak_and_resident_bytes()
    assert peak > 10_000_000
    assert resident == 0
