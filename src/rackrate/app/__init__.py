"""Use cases by noun: load, decide, save."""
