"""The state directory: memory, outbox, tray, journal (SQLite), transcripts, keys, saved settings."""
