"""Search: query analysis, lanes, fusion, page match and confidence."""
