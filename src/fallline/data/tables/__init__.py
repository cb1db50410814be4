"""Tables in files: found, read, and turned into the numbers of a network."""
