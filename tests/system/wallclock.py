"""A clock on the wall that shows what a test needs: by the time zone, to the second."""

import time


def zone(shows, in_s):
    """A TZ by which a clock shows the time of day `shows` in so many seconds."""
    hours, minutes = map(int, shows.split(":"))
    west = int(time.time() + in_s - hours * 3600 - minutes * 60) % 86400
    if west > 43200:
        west -= 86400
    sign = "-" if west < 0 else ""
    west = abs(west)
    return f"XXX{sign}{west // 3600:02}:{west // 60 % 60:02}:{west % 60:02}"
