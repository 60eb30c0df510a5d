"""The end of a tracker, of its client, of its event loop and of its process, whatever its operations are doing."""
