"""R11 and R12: fleets that want more than there is, and what befalls them, in virtual time."""
