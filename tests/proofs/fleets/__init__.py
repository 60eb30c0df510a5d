"""R11: fairness of owners and scopes that share a scarce budget, in virtual time."""
