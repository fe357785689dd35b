"""``python -m melisma`` is the command ``melisma``."""

from melisma.command import main

if __name__ == "__main__":
    main()
