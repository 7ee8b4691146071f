"""The model files, one TOML file for each printer."""
