"""Backends: one loaded model on one runtime, behind one protocol.

The table in :mod:`edgecls_device.backends.table` is the whole registry; a backend is imported only when it
is opened.
"""
