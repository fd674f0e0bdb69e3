"""What may be said: event models, the envelope, addresses, topology."""
