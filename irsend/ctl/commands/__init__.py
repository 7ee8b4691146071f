"""The commands of irsendctl: those that read, change, send, watch, and those of the tray."""
