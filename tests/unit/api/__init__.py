"""Unit tests of the public API over a `FakeARM`, in virtual time."""
