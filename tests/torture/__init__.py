"""Kill the control plane and its database at random moments, and see that every promise holds."""
