"""The load: devices and publishers in their own processes, so cheap that they are no limit."""
