"""edgecls: from a folder of photos to a classifier running on a Raspberry Pi."""

__version__ = "0.1.0"
