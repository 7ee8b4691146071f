"""Tests of irsend.

Under Python's -b a test fails that mixes bytes with str, where our code does it
and not a library. A -W on the command line cannot say so: -b overrules it.
"""

import warnings

warnings.filterwarnings("error", category=BytesWarning)
warnings.filterwarnings("ignore", category=BytesWarning, module=".*site-packages")
