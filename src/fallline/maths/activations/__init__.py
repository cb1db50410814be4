"""Activations: one definition each, parsed, differentiated, run, compiled and typeset."""
