"""Benchmarks on devices that are real SSH servers, with Pythons of their own."""

from edgecls.benching.hosts import bench_on_hosts


def measured(wish):
    """Measure; return what came of each device, and all that was said."""
    lines = []
    return list(bench_on_hosts(wish, say=lines.append)), "\n".join(lines)


def test_a_device_measures_the_very_files_and_its_record_says_where(wish, server, artifact):
    [done], told = measured(wish)
    assert done.error is None, done.error
    [case] = done.record.cases
    assert (case.artifact, case.sha256) == (artifact.path.name, artifact.sha256)
    assert (done.record.host, done.record.frame) == (server.host, (24, 32))
    assert "Benchmarking, cases: 1/1" in told
    assert all(line.startswith(server.host) for line in told.splitlines())
    assert list((server.home / ".cache" / "edgecls").iterdir()) == []
