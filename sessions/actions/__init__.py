"""Every write with more than one step: one named function each, atomic, side effects on commit."""
