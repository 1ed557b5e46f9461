"""What operators type, and what of it is refused."""
