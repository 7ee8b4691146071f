"""`python -m irsend.ctl`: the same as `irsendctl`."""

from irsend.ctl import main

main()
