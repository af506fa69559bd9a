"""The process and its machine: threads, memory, streams, packages that are missing, errors."""
