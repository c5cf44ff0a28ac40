"""What a run gives to a bundle: which of its exported files, and which of its photos."""
