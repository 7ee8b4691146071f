"""Twisted's mail protocol classes, made safe and fast. They know no device, no disk and no settings."""
