"""Rackrate runs a GPU cloud: contract, capacity, machine, meter, invoice, ledger and return."""

__version__ = "0.1.0"
