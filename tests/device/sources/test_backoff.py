from edgecls_device.sources.backoff import Backoff


def test_delays_double_up_to_the_longest_and_begin_again_after_a_success():
    backoff = Backoff(first_s=1, longest_s=30, chance=lambda: 0.0)
    assert [backoff.next_s() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    backoff.reset()
    assert backoff.next_s() == 1


def test_delays_are_at_most_a_quarter_shorter():
    assert Backoff(first_s=4, longest_s=30, chance=lambda: 1.0).next_s() == 3
    delays = {Backoff(first_s=4, longest_s=30).next_s() for _ in range(20)}
    assert len(delays) > 1
    assert all(3 <= delay <= 4 for delay in delays)
