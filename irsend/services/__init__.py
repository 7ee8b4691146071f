"""What runs: `receive`, `print` and `send` move mail, `machine` makes and starts all their parts.

The modules right here are shared by these folders.
"""
