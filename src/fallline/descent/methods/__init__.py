"""Methods: a direction, a short file each.

A method turns the evaluation at a point into a direction (an array like the point), and may keep
arrays in the carry's memory from step to step. How far to go is the search's business.
"""
