"""Web pages as documents: fetched through a guarded way out, shown by Chromium, kept as a PDF of what was seen."""
