"""The operator's page: a listener like any other, in a process of its own that can crash or be closed without harm to a run."""
