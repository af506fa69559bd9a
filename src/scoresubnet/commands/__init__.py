"""The subcommands of `scoresubnet`, and what each takes (`parsers.py`); `cli.py` calls them."""
