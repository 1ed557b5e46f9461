"""What open pages hear at once: the operators' socket, and what is sent to it."""
