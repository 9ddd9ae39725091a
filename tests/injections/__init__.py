"""Documents that give orders, asked about with a model that obeys: what gets out of a reply? `make injections`"""
