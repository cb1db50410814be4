"""``python -m fallline``: the command line."""

from fallline.faces.cli import main

if __name__ == "__main__":
    main()
