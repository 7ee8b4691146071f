"""What prints, each in a process of its own: told by lines what to read and what to write."""
