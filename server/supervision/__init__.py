"""A parent that starts the engine again when it has died or hangs."""
