"""Which token counts, and which was revoked."""
