"""The command line of phoenix-stems: one module per subcommand."""
