"""Speech out. LiveKit's own interfaces are the seam: speech in and answers join them there."""
