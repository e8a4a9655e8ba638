"""What the bot and a zygote say to each other on their SOCK_SEQPACKET socket: one packet is one message.

    zygote -> bot   R                            ready
                    E text                       cannot start, and why; then it exits
    bot -> zygote   F id:u32 memory:u64 cpu:f64 spare:u8
                                                 fork a worker; with two descriptors, its socket and its file. A spare
                                                 rehearses before it says hello: it has the time
    zygote -> bot   S id:u32 pid:u32             forked; with the worker's pidfd
                    N id:u32 errno:u32           not forked
                    X id:u32 status:i32          reaped, with its exit status or minus the signal

Big-endian. No stranger's byte comes near either of them, so that both are believed.
"""

from __future__ import annotations

import struct

__all__ = ["FORK", "FORKED", "MAX_PACKET", "NOT_FORKED", "READY", "REAPED", "UNABLE"]

READY, UNABLE = b"R", b"E"
FORK = struct.Struct(">cIQd?")
FORKED = struct.Struct(">cII")
NOT_FORKED = struct.Struct(">cII")
REAPED = struct.Struct(">cIi")

MAX_PACKET = 1024
"""Bytes; only UNABLE comes near it, and is cut."""
