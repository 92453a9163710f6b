"""Reads the arrays of an inspection's file as its format says, not as tf_gpt2/inspection/arrays.py writes them."""

import base64
import zlib

import numpy as np


def unpacked(packed):
    """The numbers of a packed array, float64 or int64."""
    data = zlib.decompress(base64.b64decode(packed["data"]))
    dtype = np.dtype(packed["dtype"]).newbyteorder("<")
    planes = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1)
    numbers = np.frombuffer(planes.T.tobytes(), dtype).reshape(packed["shape"])
    form = packed.get("form")
    if form == "share":
        return numbers / 65535
    return (numbers / 255.0) ** 2 if form == "root" else numbers.astype(np.float64)
