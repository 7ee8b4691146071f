"""Reports about mail: the DSN and the MDN, written and read, and the requests for them (RFC 3464, RFC 8098)."""
