"""What an edge counts: numbers without a library, read by `kull_edge.metrics`."""
