"""The SSH gateway into leases."""
