"""The networks and the registry that names them."""
