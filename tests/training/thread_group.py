"""A group whose processes are threads: what each gives is seen by all."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Barrier


class ThreadGroup:
    """See :class:`edgecls.distributed.group.Group`; the ``given`` of all members is one list."""

    def __init__(self, rank, given, barrier):
        self.rank, self.size, self.devices = rank, len(given), len(given)
        self._given, self._barrier = given, barrier

    def share(self, count):
        part, rest = divmod(count, self.size)
        assert rest == 0
        return range(self.rank * part, (self.rank + 1) * part)

    def gather(self, array):
        self._given[self.rank] = array
        self._barrier.wait()
        found = list(self._given)
        self._barrier.wait()
        return found

    def gather_text(self, text):
        return self.gather(text)

    def broadcast(self, arrays):
        return list(self.gather(arrays)[0])

    def distribution(self):
        return nullcontext()


def in_group(size, work):
    """Call ``work(group)`` in every process of a group, and return its results by rank."""
    given, barrier = [None] * size, Barrier(size, timeout=60)  # for members that wait in vain

    def member(rank):
        return work(ThreadGroup(rank, given, barrier))

    with ThreadPoolExecutor(size) as pool:
        futures = [pool.submit(member, rank) for rank in range(size)]
    return [future.result() for future in futures]
