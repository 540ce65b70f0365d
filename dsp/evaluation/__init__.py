"""Measures of separation quality; nothing that serves imports this."""
