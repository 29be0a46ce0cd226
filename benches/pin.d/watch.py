"""Counts the files that a client makes, those that it takes away again included.

inotify tells each name as it is made, except in a folder so new that it is not watched yet;
so the names that are left in the end are counted too. Moved files count under both names.
"""

import ctypes
import os
import struct
import threading
from pathlib import Path

CREATE, MOVED_TO, FOLDER = 0x100, 0x80, 0x4000_0000
LIBC = ctypes.CDLL(None, use_errno=True)


class Watch:
    def __init__(self, folder):
        self.folder = str(folder)
        self.known = set(files(folder))
        self.seen = set()
        self.folders = {}
        self.queue = LIBC.inotify_init1(os.O_NONBLOCK)
        if self.queue < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        self.stopped = threading.Event()
        self.add(self.folder)
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def add(self, folder):
        number = LIBC.inotify_add_watch(self.queue, os.fsencode(folder), CREATE | MOVED_TO)
        if number < 0:
            return  # gone already
        self.folders[number] = folder
        try:
            inside = list(os.scandir(folder))
        except OSError:
            return
        for entry in inside:
            if entry.is_dir(follow_symlinks=False):
                self.add(entry.path)
            else:
                self.seen.add(entry.path)

    def follow(self):
        while not self.stopped.wait(0.0005):
            self.read()

    def read(self):
        while True:
            try:
                events = os.read(self.queue, 1 << 20)
            except BlockingIOError:
                return
            at = 0
            while at < len(events):
                number, mask, _, length = struct.unpack_from("iIII", events, at)
                name = events[at + 16 : at + 16 + length].rstrip(b"\0")
                at += 16 + length
                if number not in self.folders:
                    continue  # more came than the queue holds
                path = os.path.join(self.folders[number], os.fsdecode(name))
                if mask & FOLDER:
                    self.add(path)
                else:
                    self.seen.add(path)

    def stop(self):
        """How many files were made."""
        self.stopped.set()
        self.thread.join()
        self.read()
        os.close(self.queue)
        return len((self.seen | set(files(self.folder))) - self.known)


def files(folder):
    return [str(path) for path in Path(folder).rglob("*") if not path.is_dir()]
