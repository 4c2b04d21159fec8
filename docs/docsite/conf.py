# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx's settings for 'make docs': guides in Markdown, and the reference by antsibull-docs, without network."""

from __future__ import annotations

project = "flyover.heroku_to_fly"
author = "the flyover contributors"
html_title = "flyover.heroku_to_fly"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"
# Of the changelog, which is there in two formats, this one.
exclude_patterns = ["docs/docsite", "CHANGELOG.rst"]
html_theme = "sphinx_rtd_theme"
html_show_sphinx = False
# The anchors that GitHub makes, so that one link works in both places.
myst_heading_anchors = 4
# Jinja's braces are no error of YAML, and no lexer knows a Procfile.
suppress_warnings = ["misc.highlighting_failure"]
# What antsibull-docs refers to in ansible-core's own documentation, which would have to be loaded.
nitpicky = False
