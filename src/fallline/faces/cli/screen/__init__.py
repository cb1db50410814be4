"""What all commands show alike, and what is to be seen while a training runs."""
