"""Bundles: one file that installs a classifier on a device, proves itself there, and is updated safely."""
