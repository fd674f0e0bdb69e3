"""Who is there: for devices that watch, for services that ask, and for `kull.presence`."""
