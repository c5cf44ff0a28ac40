"""What the machine's sensors said at one moment."""

from dataclasses import dataclass

__all__ = ["Reading"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One look at the machine; what it has no sensor for is None.

    Attributes:
        at_s: Seconds since the benchmark began.
        busy_cores: Cores that other programs, and other guests of a hypervisor, kept busy since the last one.
        celsius: Hottest thermal zone.
        clock_mhz: Mean frequency of the cores in use, read while they work.
        clock_cap_mhz: Lowest limit of any core's frequency; it is lowered where a processor gets too hot.
        throttled: The firmware's flags, as ``vcgencmd get_throttled`` gives them.
        throttle_events: How often the cores of an x86 processor were slowed down for heat since its start.
        quota_stops: How often a container's share of the processor was used up since the container's start.
    """

    at_s: float
    busy_cores: float | None = None
    celsius: float | None = None
    clock_mhz: float | None = None
    clock_cap_mhz: float | None = None
    throttled: int | None = None
    throttle_events: int | None = None
    quota_stops: int | None = None
