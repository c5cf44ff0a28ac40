"""Exporting a run: which photos calibrate and check, and one file after the other."""
