"""Sphinx settings: the Markdown pages of this folder, with formulas between dollar signs."""

from importlib.metadata import version as installed_version

project = "fallline"
author = "The fallline developers"
project_copyright = f"2026, {author}"
release = version = installed_version(project)

extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

exclude_patterns = ["_build"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["sessions.css"]
html_title = f"{project} {release}"
