"""Measurements: one question a file, a table and a JSON file each."""
