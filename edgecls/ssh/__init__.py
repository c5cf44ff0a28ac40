"""Devices that are reached over SSH: their names, and one connection."""
