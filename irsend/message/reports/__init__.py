"""Reports about mail: the DSN and the MDN, the requests for them, and what reads them (RFC 3464, 8098)."""
