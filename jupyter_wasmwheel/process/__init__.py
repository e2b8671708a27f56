"""Child processes: run, supervised, limited, and stopped with all that they started."""
