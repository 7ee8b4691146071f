"""The format of mail: parsed, composed, fragmented, reported on. Octets become text here. No Twisted."""
