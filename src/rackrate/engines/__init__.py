"""Where leases become real, one module or package for each engine."""
