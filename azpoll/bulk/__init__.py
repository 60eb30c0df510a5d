"""Many initial requests in one loop: `Tracker.begin_all`, its outcomes and its report."""
