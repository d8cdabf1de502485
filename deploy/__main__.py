"""What `python3 deploy` runs: Accord on this machine, with an invented example or its story."""

import sys
from pathlib import Path

import environment

HELP = """\
python3 deploy [--story] [other arguments]

Runs Accord on this machine. The first time, it builds a private copy of Accord and of
everything that Accord needs in .venv/ (about half a minute); later runs start at once.

  (nothing)     start the engine, the web pages and an example, and print the address
  --story       play one request through, from asking to giving back, and end
  -h, --help    this text; nothing is built

Other arguments go to `accord up`, or to `accord story`. Once the copy is built,
`.venv/bin/accord up --help` lists them. Ctrl-C stops everything.

Everyone and every body in the example is invented.
"""


def main(arguments: "list[str]") -> None:
    """Build the private copy where it is missing or old, then become the `accord` command."""
    if "-h" in arguments or "--help" in arguments:
        print(HELP, end="")
        return
    root = Path(__file__).resolve().parent.parent
    print("Accord runs from a private copy of itself, which this command builds in .venv/.")
    print("Everyone and every body in its example is invented.", flush=True)
    commands = environment.ready(root, ".venv", root / "deploy" / "requirements.txt")
    others = [argument for argument in arguments if argument != "--story"]
    asked = ["story"] if "--story" in arguments else ["up", "--example"]
    environment.hand_over([str(commands / "accord"), *asked, *others])


if __name__ == "__main__":
    main(sys.argv[1:])
