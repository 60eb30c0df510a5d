"""R10: bodies that are small on the wire and large in memory, or that never end."""
