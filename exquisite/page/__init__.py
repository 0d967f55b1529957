"""The review page: a session in the browser, to look at, to compare and to choose from; and the same as a report.

    serve(session)                          until Ctrl-C, on an address of this machine that only you know
    write_report(session, "report.html")    one file, read only

Nothing outside this package imports it: it stands above the session.
"""

from .report import write_report
from .serve import serve

__all__ = ["serve", "write_report"]
