"""What a mail is: its trace, its head. Bytes of the wire become text here and nowhere else. No I/O."""
