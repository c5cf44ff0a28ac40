"""Bringing bundles to devices over SSH: one, or many, a share at a time."""
