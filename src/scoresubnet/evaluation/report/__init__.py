"""A report as values, Markdown, HTML and pictures."""
