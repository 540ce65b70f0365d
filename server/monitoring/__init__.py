"""What the server tells about itself: log, metrics, health."""
