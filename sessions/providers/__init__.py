"""Who draws a face: what a profile may choose, the pictures that vendors get, and their checks in words."""
