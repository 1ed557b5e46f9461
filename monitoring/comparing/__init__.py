"""Two modes, periods or sessions beside each other: whether a difference is real, and trials that find it out."""
