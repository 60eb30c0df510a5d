"""Goal R6: no byte of a credential leaves the origin it is for, whatever URL is named, where, and in which form."""
