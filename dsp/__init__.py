"""Signal processing of phoenix-stems; knows no socket and no clock."""
