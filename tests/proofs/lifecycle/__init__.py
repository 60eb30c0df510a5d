"""R4: whatever a program does with trackers and operations, in any order, in virtual time."""
