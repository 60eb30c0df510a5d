"""What other clients of Azure's long-running operations fail at, run against azpoll and the real azure-core."""
