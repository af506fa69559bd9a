"""The documentation site: pages of the repository, players of what ships, and the browser page."""
