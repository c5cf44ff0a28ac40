"""What a machine has, and whether a classifier can run on it: a table of checks."""
