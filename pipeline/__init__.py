"""pipeline: many files in, one table out, with the network, the cores and the disk busy at the same time.

        config ──► shards ──► fetch ──────────► CPU stage ─────────► sink ──► committed result
                              bytes, on the     chunks to partials    each outcome as
                              loop, bounded     or rows, in workers   it completes

Read `engine/flow.py` first.
"""
