"""``fallline step``."""
