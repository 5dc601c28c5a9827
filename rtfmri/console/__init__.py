"""The operator's page: a listener like any other, in a process of its own."""
