"""The state directory: memory (a Maildir), journal (SQLite), transcripts, keys, saved settings."""
