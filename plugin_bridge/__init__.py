"""The client side of phoenix-stems: scripting sessions, the real-time bridge, JACK."""
