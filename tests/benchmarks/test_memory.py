import mmap

from edgecls_bench.memory import peak_and_resident_bytes

BALLAST = 50_000_000
CLOSE = 5_000_000  # the kernel counts in batches


def test_memory_that_is_held_counts_and_stays_in_the_peak_when_it_was_given_back():
    _, before = peak_and_resident_bytes()
    with mmap.mmap(-1, BALLAST) as ballast:  # given back at once, unlike what malloc keeps
        ballast.write(bytes([1]) * BALLAST)
        _, held = peak_and_resident_bytes()
    peak, after = peak_and_resident_bytes()
    assert held > before + BALLAST - CLOSE
    assert after < held - BALLAST + CLOSE
    assert peak > held - CLOSE


def test_memory_now_is_at_most_the_peak_in_every_look():
    looks = [peak_and_resident_bytes() for _ in range(20)]  # each look needs memory itself
    assert all(resident <= peak for peak, resident in looks)


def test_where_the_system_tells_nothing_the_peak_is_still_known(tmp_path, monkeypatch):
    monkeypatch.setattr("edgecls_bench.memory._STATUS", tmp_path / "status")
    peak, resident = peak_and_resident_bytes()
    assert peak > 10_000_000
    assert resident == 0
