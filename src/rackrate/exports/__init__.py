"""Values in, files out."""
