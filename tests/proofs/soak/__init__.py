"""R8: hours and days of polling with bounded memory."""
