"""What is slow by its nature: full sizes, whole corpora, limits of CPU; `make slow` runs it."""
