"""The live page and its HTTP interface: ``run --web``. Needs the extra ``web``."""
