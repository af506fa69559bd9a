"""Long work: what is made is written as it comes, in parts, and goes on where it stopped."""
