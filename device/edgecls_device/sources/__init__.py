"""Sources: where frames come from, behind one protocol.

The table in :mod:`edgecls_device.sources.table` is the whole registry; a source is imported only when it is
opened.
"""
