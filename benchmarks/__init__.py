"""How fast and how small the machine is, beside programs that do the same work.

    rows      which works are measured, against whom, and what the bar is
    contest   us and the peers, round by round in turn
    table     the ratios, printed
    ---
    reception polling sending memory printing while_printing    the works
    machine                      us
    smtp_servers sinks dovecot pop_clients    the peers, and the server to poll
    smtp_clients senders         the peers that send, and our sending class
    printers                     a peer that prints
    smtp_load mail pages         what is sent
    bench processes              a private directory, free ports, processes with an end

Only ratios of one run are told: a figure from one machine says nothing on another.
"""
