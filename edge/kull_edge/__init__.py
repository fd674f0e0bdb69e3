"""Kull Sync's edge: holds WebSockets, delivers, carries acknowledgements back."""
