"""What an answer means and what is asked next: no I/O, no clock, no randomness."""
