"""Who is in a room: rosters, and how edges are told."""
