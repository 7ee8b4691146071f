"""The machine as a process of its own, met by real mail servers and clients on loopback.

Every server is started by the test that needs it, with its own configuration
directory and port; the system's own instances are never touched. What is missing
on this computer skips the test with a sentence, or fails it under IRSEND_LIVE=required.
"""
