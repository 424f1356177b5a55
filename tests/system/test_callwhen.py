"""The gateway calls by itself: a scripted line, Postfix and Dovecot behind it."""

import os
import signal
import time

import pytest

from gateway import BIN, EX_OK
from link import never  # noqa: F401  (re-exported for readers of link.py)
from waiting import wait_until

LETTER = b"From: bob@far.example\r\nSubject: from far\r\n\r\nhello\r\n"
