"""Sinks: where results go, behind one protocol."""
