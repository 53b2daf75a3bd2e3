"""The kinds of document that an operator writes, each read into the rows that it declares."""
