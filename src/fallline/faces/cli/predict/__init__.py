"""``fallline predict``."""
