"""A trained network: what it computes, what its numbers mean, and how it is kept and written out."""
