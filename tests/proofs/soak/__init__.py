"""azpoll for hours and days: nothing grows that need not."""
