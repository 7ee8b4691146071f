"""The probe: what each model does against a mail server, by the machine's own sessions.

`target` reads the server's URL, `plan` says which runs there are, `run` lets one machine
in RAM make one of them, `offers` asks what the server has, `outcome` is what came of a
run, `advice` what to change. `probe` goes through them all; `table`, `page` and `document`
show the result. The command stands in `ctl.commands.probe`.
"""
