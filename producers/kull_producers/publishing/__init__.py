"""Publishing, confirmed and in order per address."""
