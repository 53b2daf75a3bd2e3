"""Production with other ports: a virtual clock, demand from a trace, engines without machines."""
