"""What holds for every test."""

import os

from hypothesis import settings

# No deadlines: a machine that is busy is not a failure. In CI the examples are the same every time, so that a red run
# can be looked at again; elsewhere they are new ones.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")
