"""Why a device did, or did not, get an event: a story out of what the routers know."""
