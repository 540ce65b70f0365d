"""The wire of phoenix-stems and nothing else; PROTOCOL.md is the authority."""
