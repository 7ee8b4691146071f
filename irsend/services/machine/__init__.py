"""The machine, which makes all parts, and what it alone has: storage, settings, recovery, control."""
