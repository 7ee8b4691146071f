"""How sphinx builds these pages: `make docs`."""

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE / "_ext"), str(_HERE.parent)]

from irsend import __version__ as release  # noqa: E402

project = "irsend"
author = "the irsend developers"
copyright = "the irsend developers, MIT licence"
version = release

extensions = ["irsend_pages"]
exclude_patterns = ["_build"]
nitpicky = True
smartquotes = False
highlight_language = "text"

html_theme = "furo"
html_title = f"irsend {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
