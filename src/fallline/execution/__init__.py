"""How blocks are computed and added: engines and the fixed tree."""
