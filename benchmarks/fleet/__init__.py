"""The fleet simulator: thousands of operations under ARM's read limit, in virtual time."""
