"""From a question to ranked pages: query analysis, lanes, fusion, page match, confidence."""
