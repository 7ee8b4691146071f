"""Pages: what was put on the glass becomes TIFF, PDF or JPEG, in a process of its own.

Files of strangers are decoded here, and never in the machine's own process:
`__main__` is what runs, `services.scanning` runs it.
"""
