"""SMTP servers written in Python by others, with what throws every mail away behind them."""
