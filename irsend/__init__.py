"""irsend: an office printer's whole mail life on a lab bench, without the printer."""

__version__ = "0.1.0"
