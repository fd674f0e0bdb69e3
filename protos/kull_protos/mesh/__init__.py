"""Generated messages and services, by version."""
