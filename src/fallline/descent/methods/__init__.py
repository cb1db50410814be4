"""Methods: where a step leads, a short file each.

A method turns what one read of X told at a point into the next point, for a rate that a search
chooses, and may keep arrays in the carry's memory from step to step.
"""
