"""Sham and control conditions: a sealed allocation, what is shown instead of the own value, blinding, unblinding with an audit."""
