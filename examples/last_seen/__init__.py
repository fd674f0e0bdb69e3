"""A service that knows when users were last there."""
