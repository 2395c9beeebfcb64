"""How the site of the documentation is built: strictly, without asking any other host."""

project = "Watermain"
html_title = "Watermain"
extensions = ["myst_parser"]
root_doc = "index"
source_suffix = {".md": "markdown"}

# A link to a page or to a heading that is not there is a warning, and `make docs` allows none.
myst_heading_anchors = 4

# Quotes, dashes: as they are written, since people copy commands from here.
smartquotes = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
python_maximum_signature_line_length = 72
toc_object_entries_show_parents = "hide"
add_module_names = False

html_theme = "furo"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b5a7a",
        "color-brand-content": "#0b5a7a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc7e8",
        "color-brand-content": "#7cc7e8",
    },
}
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
html_show_sphinx = False
html_domain_indices = False
html_use_index = False
