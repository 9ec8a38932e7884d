"""The documentation at `/docs`: the pages of `functions_py/docs` as HTML, without a line of script."""
