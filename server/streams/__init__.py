"""One stream: what waits to be computed, the model that computes it, what is counted."""
