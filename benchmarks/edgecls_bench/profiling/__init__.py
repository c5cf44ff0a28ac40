"""Where the time of a model goes: every operation, how long it takes, and whether it took the fast path."""
