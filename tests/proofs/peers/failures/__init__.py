"""R14: known failures of other clients, run with azpoll and with the real azure-core."""
