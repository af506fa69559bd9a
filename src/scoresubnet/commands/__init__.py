"""The subcommands of `scoresubnet`; `cli.py` parses their arguments."""
