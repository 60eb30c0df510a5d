"""R17: hostile servers beside healthy operations, of a seeded generator, over real sockets and in virtual time."""
