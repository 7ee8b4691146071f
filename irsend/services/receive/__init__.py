"""What receives mail: the SMTP listener, the POP poller, and the dispatch of what came."""
