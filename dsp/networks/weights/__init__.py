"""Model cards of the bundled models, and the licence notices of weights made by others."""
