"""The panel and its HTTP interface."""
