"""One error for everything the user can put right, printed without a traceback; files written whole."""
import os
import sys


class Problem(Exception):
    """Missing data, an undecodable photo, weights of the wrong shape: the message names the thing."""


def run_main(main):
    """Runs a script's `main`: 0 when it worked, 1 with one line on standard error on a Problem."""
    try:
        main()
        return 0
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def write_whole(path, data):
    """Writes bytes or text so that `path` is either the old file or the whole new one."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    partial = path + ".partial"
    with open(partial, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
    os.replace(partial, path)
