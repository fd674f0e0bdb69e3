"""We and what a user would pick instead, each started as a real deployment on this machine."""
