"""What a router counts: numbers without a library, read by `kull_router.metrics`."""
