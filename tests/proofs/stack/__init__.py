"""R2: tracker, scheduler, transport and core together, in virtual time, against the read limits of ARM."""
