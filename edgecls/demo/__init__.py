"""The demo: shapes drawn on paper, rendered from a seed."""
