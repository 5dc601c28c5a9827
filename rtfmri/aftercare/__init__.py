"""What follows each volume off the critical path, in a process of its own: reslice, quality, statistical map, pictures."""
