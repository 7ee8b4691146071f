"""The machine, the one place that knows all parts, and what serves it alone: control, recovery, keyring."""
