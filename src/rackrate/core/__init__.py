"""Pure decisions over frozen values: standard library and numpy only."""
