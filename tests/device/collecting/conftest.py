"""A disk that is soon full."""

from tests.device.sinks.disks import small_disk

__all__ = ["small_disk"]
