"""azpoll over real sockets on loopback, with what networks and gateways do to them."""
