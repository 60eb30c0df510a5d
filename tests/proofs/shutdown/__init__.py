"""R13: the end of a tracker, its client, its event loop or its process, with operations in every state."""
