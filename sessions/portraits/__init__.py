"""Portraits as the control plane has them: what is uploaded, what people read about it, the picture of a face."""
