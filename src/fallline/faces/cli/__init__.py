"""The command line; its entry point is :func:`main`."""

from fallline.faces.cli._app import main

__all__ = ["main"]
