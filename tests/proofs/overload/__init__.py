"""R12: herds, that want to be asked all at once, and what the service sees of them, in virtual time."""
