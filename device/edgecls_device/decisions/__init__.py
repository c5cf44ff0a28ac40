"""From scores to decisions: which frames are looked at, smoothing, hysteresis, and events."""
