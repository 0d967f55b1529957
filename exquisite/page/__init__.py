"""The review page shows a session in the browser, to compare candidates and choose one; the report is a file of it.

    serve(session)                          serves the page on 127.0.0.1 until Ctrl-C, at a secret address
    write_report(session, "report.html")    writes one file that only shows

Only the command line imports this package; the session does not know it.
"""

from .report import write_report
from .serve import serve

__all__ = ["serve", "write_report"]
