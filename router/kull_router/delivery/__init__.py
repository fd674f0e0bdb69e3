"""From a shard's queue to the edges."""
