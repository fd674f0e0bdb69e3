"""What the routers tell."""
