"""Reports on mail, DSN and MDN: requests for them are read, they are written, and read as they come back."""
