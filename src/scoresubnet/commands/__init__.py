"""What the subcommands of `scoresubnet` do; `cli.py` parses their arguments."""
