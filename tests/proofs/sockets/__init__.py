"""R7: azpoll over real sockets on loopback, with the faults of networks and gateways."""
