"""The subcommands of `kull`, one file each."""
