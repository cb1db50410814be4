"""Engines: each is only a map over blocks."""
