"""``fallline demo``."""
