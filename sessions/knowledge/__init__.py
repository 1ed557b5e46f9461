"""What profiles know: kept as assets, read from documents and lists, made ready, and tried out."""
