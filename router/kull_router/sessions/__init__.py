"""What edges ask for on behalf of sessions."""
