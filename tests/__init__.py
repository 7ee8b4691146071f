"""Tests of irsend.

Under Python's -b a test fails that mixes bytes with str, where our code does it
and not a library. A -W on the command line cannot say so: -b overrules it.
"""

import warnings

from hypothesis import HealthCheck, settings

warnings.filterwarnings("error", category=BytesWarning)
warnings.filterwarnings("ignore", category=BytesWarning, module=".*site-packages")

# How fast examples are made says something of the machine that the tests run on, and nothing of ours.
settings.register_profile("irsend", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("irsend")
