"""One line on standard error: how far, photos per second, time left."""
import sys
import time


class Progress:
    def __init__(self, name, total, every=5.0):
        self.name, self.total, self.every = name, total, every
        self.done, self.started, self.shown = 0, time.time(), 0.0

    def __call__(self, count):
        self.done += count
        now = time.time()
        if now - self.shown < self.every and self.done < self.total:
            return
        self.shown = now
        speed = self.done / max(now - self.started, 1e-9)
        left = duration((self.total - self.done) / speed)
        ending = "\n" if self.done >= self.total or not sys.stderr.isatty() else "\r"
        print(f"{self.name}: {self.done} of {self.total}, {speed:.1f} images/s, {left} left   ",
              end=ending, file=sys.stderr, flush=True)


def duration(seconds):
    """75 -> '1:15', 4000 -> '1:06:40'"""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
