"""``fallline fit``."""
