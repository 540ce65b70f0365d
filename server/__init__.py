"""The inference server of phoenix-stems."""
