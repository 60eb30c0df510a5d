"""R18: trackers with a journal that are killed at random moments, and trackers that recover it."""
