"""The descent: one loop, its methods, rates, coordinates and stops."""
