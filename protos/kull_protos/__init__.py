"""What the parts of the mesh agree on. Private to the services: no SDK imports it."""
