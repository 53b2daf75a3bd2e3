"""Senders: each carries letters over one medium."""
