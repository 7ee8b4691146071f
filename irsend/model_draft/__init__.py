"""A first draft of a model file, from a recorded session of a real machine: `irsendctl models new`.

`recorded_session` reads a transcript, `capture` a packet capture; `dialogue` and `mail_header`
say what they show, key by key; `draft` writes it. Nothing of Twisted is needed.
"""
