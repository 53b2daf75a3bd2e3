"""The routes of the API, by noun: parse, use case, render."""
