"""Benchmarks on other machines than this one."""
